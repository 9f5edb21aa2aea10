// Prometheus, by way of the preview's own server.
import { FieldType, toDataFrame } from '@grafana/data';

export async function ask(path, parameters) {
  const answer = await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const { status, data, error } = await answer.json();
  if (status !== 'success') {
    throw new Error(error);
  }
  return data;
}

// The results of a panel's queries, as Grafana's own data source would hand them to the panel.
export async function framesOf(panel, fill, range) {
  const targets = (panel.targets ?? []).filter((target) => !target.hide);
  const results = await Promise.all(targets.map((target) => resultOf(target, fill, range)));
  return targets.flatMap((target, index) => {
    const name = targets.length > 1 ? `Value #${target.refId}` : 'Value';
    if (target.format === 'table') {
      return [tableOf(target, results[index], name)];
    }
    const frames = results[index].map((series) => seriesOf(target, series, fill, range));
    return target.format === 'heatmap' ? bucketsOf(frames) : frames;
  });
}

async function resultOf(target, fill, range) {
  const query = fill(target.expr);
  if (target.instant) {
    return (await ask('query', { query, time: range.to })).result;
  }
  const { from, to, step } = range;
  return (await ask('query_range', { query, start: from, end: to, step })).result;
}

function seriesOf(target, series, fill, range) {
  const points = series.values ?? [series.value];
  // Where points are further apart than this, Grafana leaves a gap.
  const spacing = series.values ? { interval: range.step * 1000 } : {};
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000), config: spacing },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        values: points.map(([, value]) => Number(value)),
        config: { displayNameFromDS: legendOf(target, series.metric, fill) },
      },
    ],
  });
}

function legendOf(target, labels, fill) {
  const text = target.legendFormat;
  if (text && text !== '__auto') {
    return fill(text).replace(/{{\s*(\w+)\s*}}/g, (whole, label) => labels[label] ?? '');
  }
  const { __name__: name = '', ...others } = labels;
  const pairs = Object.entries(others).map(([label, value]) => `${label}="${value}"`);
  return pairs.length || !name ? `${name}{${pairs.join(', ')}}` : name;
}

function tableOf(target, result, name) {
  const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map(({ value }) => value[0] * 1000), config: {} },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: result.map(({ metric }) => metric[label] ?? ''),
        config: {},
      })),
      { name, type: FieldType.number, values: result.map(({ value }) => Number(value[1])), config: {} },
    ],
  });
}

// The upper bound of a bucket, as a number.
export function boundOf(le) {
  return le === '+Inf' ? Infinity : Number(le);
}

// Cumulative buckets, as Prometheus counts them, each without those below it.
function bucketsOf(frames) {
  const bound = (frame) => boundOf(frame.fields[1].labels.le);
  const sorted = [...frames].sort((a, b) => bound(a) - bound(b));
  return sorted.map((frame, index) => {
    const [time, value] = frame.fields;
    const below = new Map();
    const lower = sorted[index - 1];
    lower?.fields[0].values.forEach((at, row) => below.set(at, lower.fields[1].values[row]));
    const values = value.values.map((count, row) => Math.max(0, count - (below.get(time.values[row]) ?? 0)));
    return { ...frame, fields: [time, { ...value, values }] };
  });
}
