// A heatmap of buckets over time. Grafana's own is no part of its library: this is drawn here, in its colours.
import { useEffect, useRef } from 'react';
import { dateTimeFormat, getValueFormat, formattedValueToString } from '@grafana/data';

import { theme } from './frames.js';
import { boundOf } from './prometheus.js';

const LEFT = 62;
const BOTTOM = 22;
// The scheme "Oranges", from least to most.
const SCHEME = [[127, 39, 4], [166, 54, 3], [217, 72, 1], [241, 105, 19], [253, 141, 60], [253, 174, 107], [253, 208, 162], [254, 230, 206]];

function colour(share) {
  const place = Math.min(0.999, Math.max(0, share)) * (SCHEME.length - 1);
  const [low, high] = [SCHEME[Math.floor(place)], SCHEME[Math.floor(place) + 1]];
  const mixed = low.map((value, index) => Math.round(value + (high[index] - value) * (place % 1)));
  return `rgb(${mixed.join(',')})`;
}

function paint(canvas, { panel, frames, range, width, height }) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  pen.font = `12px ${theme.typography.fontFamily}`;
  const rows = frames.filter((frame) => frame.fields[1]?.values.some((value) => value > 1e-9));
  const first = frames.indexOf(rows[0]);
  const shown = frames.slice(Math.max(0, first), frames.indexOf(rows[rows.length - 1]) + 1);
  const most = Math.max(...shown.flatMap((frame) => frame.fields[1].values));
  const [across, down] = [(width - LEFT) / (range.to - range.from), (height - BOTTOM) / shown.length];
  shown.forEach((frame, index) => {
    const top = height - BOTTOM - (index + 1) * down;
    frame.fields[1].values.forEach((value, column) => {
      if (value > 1e-9) {
        pen.fillStyle = colour((value / most) ** (panel.options.color.exponent ?? 0.5));
        const left = LEFT + (frame.fields[0].values[column] / 1000 - range.from) * across;
        pen.fillRect(left, top, Math.max(1, range.step * across - 1), Math.max(1, down - 1));
      }
    });
  });
  axes(pen, { panel, shown, range, width, height, down });
}

function axes(pen, { panel, shown, range, width, height, down }) {
  pen.fillStyle = theme.colors.text.secondary;
  const format = getValueFormat(panel.options.yAxis.unit ?? 'short');
  const every = Math.ceil(18 / down);
  pen.textAlign = 'right';
  shown.forEach((frame, index) => {
    if (index % every === 0) {
      const bound = boundOf(frame.fields[1].labels.le);
      const said = Number.isFinite(bound) ? formattedValueToString(format(bound)) : '+Inf';
      pen.fillText(said, LEFT - 6, height - BOTTOM - (index + 0.5) * down + 4);
    }
  });
  pen.textAlign = 'center';
  for (let part = 0; part < 5; part += 1) {
    const at = range.from + ((range.to - range.from) * (part + 0.5)) / 5;
    pen.fillText(dateTimeFormat(at * 1000, { format: 'HH:mm:ss' }), LEFT + ((width - LEFT) * (part + 0.5)) / 5, height - 5);
  }
}

export function Heatmap(props) {
  const canvas = useRef(null);
  useEffect(() => paint(canvas.current, props));
  return <canvas ref={canvas} style={{ width: props.width, height: props.height }} />;
}
