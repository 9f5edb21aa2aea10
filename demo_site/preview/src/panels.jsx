// One panel, drawn by Grafana's own component for its type where the library has one.
import { applyNullInsertThreshold, dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { theme } from './frames.js';
import { Heatmap } from './heatmap.jsx';
import { BarChart, Dial } from './shapes.jsx';
import { StateTimeline } from './states.jsx';

// A link to another board stays in the preview: `/d/uid/name?var-view=x` becomes `#uid?var-view=x`.
export function here(url) {
  const [, uid, query] = /^\/d\/([\w-]+)(?:\/[^?]*)?\??(.*)$/.exec(url) ?? [];
  return uid ? `#${uid}?${query}` : url;
}

function timeRange({ from, to }) {
  const times = { from: dateTime(from * 1000), to: dateTime(to * 1000) };
  return { ...times, raw: times };
}

// What is no number is a gap, as in Grafana's own panel.
function gaps(frame) {
  const finite = (value) => (Number.isFinite(value) ? value : null);
  return {
    ...frame,
    fields: frame.fields.map((field, place) => (place ? { ...field, values: field.values.map(finite) } : field)),
  };
}

function Lines({ panel, frames, range, width, height, fill }) {
  return (
    <TimeSeries
      frames={frames.map((frame) => gaps(applyNullInsertThreshold({ frame })))}
      structureRev={range.to}
      width={width}
      height={height}
      theme={theme}
      timeRange={timeRange(range)}
      timeZone="browser"
      legend={panel.options.legend}
      options={panel.options}
      replaceVariables={fill}
    />
  );
}

function valuesOf(panel, frames, fill) {
  return () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: panel.fieldConfig,
      reduceOptions: panel.options.reduceOptions,
      replaceVariables: fill,
      sparkline: panel.options.graphMode !== 'none',
      theme,
      timeZone: 'browser',
    });
}

function Stat({ panel, frames, width, height, fill }) {
  const { colorMode, graphMode, justifyMode, textMode, wideLayout } = panel.options;
  return (
    <VizRepeater
      getValues={valuesOf(panel, frames, fill)}
      renderValue={({ value, width: w, height: h, count }) => (
        <BigValue
          value={value.display}
          sparkline={graphMode === 'none' ? undefined : value.sparkline}
          width={w}
          height={h}
          theme={theme}
          {...{ colorMode, graphMode, justifyMode, textMode, wideLayout, count }}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={VizOrientation.Auto}
    />
  );
}

function Bars({ panel, frames, width, height, fill }) {
  const { displayMode, showUnfilled, valueMode, namePlacement, sizing } = panel.options;
  // As Grafana's panel: the sizes count if they are set by hand.
  const { minVizHeight, minVizWidth, maxVizHeight } = sizing === 'manual' ? panel.options : { minVizHeight: 16, minVizWidth: 8, maxVizHeight: 300 };
  return (
    <VizRepeater
      getValues={valuesOf(panel, frames, fill)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width: w, height: h, orientation, alignmentFactors }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          width={w}
          height={h}
          theme={theme}
          itemSpacing={8}
          lcdCellWidth={12}
          valueDisplayMode={valueMode}
          {...{ displayMode, showUnfilled, namePlacement, orientation, alignmentFactors }}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={8}
      renderCounter={0}
      orientation={VizOrientation.Horizontal}
      {...{ minVizHeight, minVizWidth, maxVizHeight }}
    />
  );
}

function Gauges({ panel, frames, width, height, fill }) {
  return (
    <VizRepeater
      getValues={valuesOf(panel, frames, fill)}
      renderValue={({ value, width: w, height: h }) => <Dial value={value.display} field={value.field} width={w} height={h} />}
      width={width}
      height={height}
      source={frames}
      itemSpacing={8}
      renderCounter={0}
      autoGrid
      orientation={VizOrientation.Auto}
    />
  );
}

function Rows({ panel, frames, range, width, height }) {
  return (
    <TableNG
      data={frames[panel.options.frameIndex ?? 0] ?? frames[0]}
      width={width}
      height={height}
      cellHeight={panel.options.cellHeight}
      noHeader={!panel.options.showHeader}
      sortBy={panel.options.sortBy}
      fieldConfig={panel.fieldConfig}
      structureRev={range.to}
      timeRange={timeRange(range)}
      enableSharedCrosshair={false}
    />
  );
}

function Words({ panel }) {
  return <div style={{ whiteSpace: 'pre-wrap', padding: 8 }}>{panel.options.content}</div>;
}

const DRAWN = {
  timeseries: Lines,
  stat: Stat,
  gauge: Gauges,
  barchart: BarChart,
  bargauge: Bars,
  table: Rows,
  heatmap: Heatmap,
  'state-timeline': StateTimeline,
  text: Words,
};

function isEmpty(frames) {
  return !frames.some((frame) => frame.length > 0);
}

export function Drawn({ panel, frames, range, width, height, fill }) {
  if (panel.type !== 'text' && isEmpty(frames)) {
    const said = panel.fieldConfig?.defaults?.noValue ?? 'No data';
    return <div className="empty" style={{ width, height }}>{said}</div>;
  }
  const Type = DRAWN[panel.type];
  if (!Type) {
    throw new Error(`the preview draws no panel of the type ${panel.type}`);
  }
  return <Type {...{ panel, frames, range, width, height, fill }} />;
}
