// From the results of queries to what is drawn: transformations, units, colours, names, as the panel says.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  FieldConfigOptionsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

export const theme = createTheme({ colors: { mode: 'dark' } });

const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'thresholds', 'mappings', 'links', 'fieldMinMax'];

function property(id, isCustom) {
  const path = isCustom ? id.slice('custom.'.length) : id;
  return { id, path, isCustom, name: id, process: (value) => value, shouldApply: () => true, settings: {} };
}

standardFieldConfigEditorRegistry.setInit(() => STANDARD.map((id) => property(id, false)));
// Some are listed under two names.
const TRANSFORMERS = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
standardTransformersRegistry.setInit(() =>
  [...TRANSFORMERS.values()].map((each) => ({ id: each.id, name: each.name, transformation: async () => each })),
);

// Grafana's panels register what they know of fields; here it is whatever the panel sets.
function registryOf(panel) {
  const ids = new Set(Object.keys(panel.fieldConfig?.defaults?.custom ?? {}).map((name) => `custom.${name}`));
  for (const override of panel.fieldConfig?.overrides ?? []) {
    override.properties.filter(({ id }) => id.startsWith('custom.')).forEach(({ id }) => ids.add(id));
  }
  const all = [...STANDARD.map((id) => property(id, false)), ...[...ids].map((id) => property(id, true))];
  return new FieldConfigOptionsRegistry(() => all);
}

export async function transformed(panel, frames, fill) {
  const steps = (panel.transformations ?? []).filter((step) => !step.disabled);
  const ended = steps.length ? await lastValueFrom(transformDataFrame(steps, frames, { interpolate: fill })) : frames;
  const shown = applyFieldOverrides({
    data: ended,
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    fieldConfigRegistry: registryOf(panel),
    replaceVariables: (text, scoped) => fill(text, scopeOf(scoped)),
    theme,
    timeZone: 'browser',
  });
  cacheFieldDisplayNames(shown);
  return shown;
}

// What stands in a link for the value that it is on: of its series' labels, and of its row.
function scopeOf(scoped) {
  const { field, frame, rowIndex } = scoped?.__dataContext?.value ?? {};
  const known = { ...labelsOf(scoped?.__field?.value ?? field) };
  for (const each of frame?.fields ?? []) {
    known[`__data.fields.${each.state?.displayName ?? each.name}`] = each.values[rowIndex] ?? '';
  }
  return known;
}

function labelsOf(field) {
  return Object.fromEntries(Object.entries(field?.labels ?? {}).map(([name, value]) => [`__field.labels.${name}`, value]));
}
