// A board's variables: what they offer, what is chosen, and what stands for them in a text.
import { ask } from './prometheus.js';

export const ALL = '$__all';

const LABEL_VALUES = /^label_values\((?:(.+),\s*)?(\w+)\)$/s;

// The variables of a board, each with its choices, in the order in which they depend on each other.
export async function variablesOf(board, chosen, scope) {
  const found = [];
  for (const each of board.templating.list) {
    const options = await optionsOf(each, (text) => interpolate(text, found, scope));
    found.push({ ...each, options, value: valueOf(each, options, chosen[each.name]) });
  }
  return found;
}

async function optionsOf(variable, fill) {
  if (variable.type !== 'query') {
    return [];
  }
  const text = fill(variable.query.query ?? variable.query);
  const [, selector, label] = LABEL_VALUES.exec(text.trim());
  const found = await ask(`label/${label}/values`, selector ? { 'match[]': selector } : {});
  const values = found.filter((value) => value !== '');
  const wanted = variable.regex ? new RegExp(variable.regex.replace(/^\/|\/$/g, '')) : null;
  const kept = wanted ? values.filter((value) => wanted.test(value)) : values;
  return variable.sort === 2 || variable.sort === 4 ? kept.sort().reverse() : kept;
}

function valueOf(variable, options, chosen) {
  if (variable.type === 'datasource') {
    return variable.current?.text ?? '';
  }
  if (variable.type !== 'query') {
    return variable.query ?? '';
  }
  if (chosen !== undefined && chosen.length) {
    return variable.multi ? chosen : chosen[0];
  }
  if (variable.includeAll) {
    return variable.multi ? [ALL] : ALL;
  }
  return variable.multi ? options.slice(0, 1) : (options[0] ?? '');
}

export function isAll(value) {
  return value === ALL || (Array.isArray(value) && value.includes(ALL));
}

function escaped(value) {
  return String(value).replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');
}

function queried(variable, format) {
  const { name, value, options, allValue, multi, includeAll } = variable;
  const all = isAll(value);
  if (format === 'queryparam') {
    const values = all ? [ALL] : [value].flat();
    return values.map((each) => `var-${name}=${encodeURIComponent(each)}`).join('&');
  }
  if (all && allValue) {
    return allValue;
  }
  const values = all ? options : [value].flat();
  if (format === 'text' || format === 'raw') {
    return values.join(' + ');
  }
  // As Grafana does it: who may choose several, or all, stands in a regular expression.
  if (!multi && !includeAll) {
    return String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  }
  return values.length === 1 ? escaped(values[0]) : `(${values.map(escaped).join('|')})`;
}

// A text with the values of variables, and of what Grafana knows by itself (`scope`), in it.
export function interpolate(text, variables, scope = {}, format = undefined) {
  return String(text).replace(/\$(\w+)|\$\{([\w.]+)(?::(\w+))?\}/g, (whole, short, long, asked) => {
    const name = short ?? long;
    if (name in scope) {
      return asked === 'percentencode' ? encodeURIComponent(scope[name]) : scope[name];
    }
    const variable = variables.find((each) => each.name === name);
    return variable ? queried(variable, asked ?? format) : whole;
  });
}
