// Gauges and bar charts. Grafana's library has no components for them any more: they are drawn here, in its colours.
import { formattedValueToString, getFieldDisplayName } from '@grafana/data';

import { theme } from './frames.js';

const FONT = theme.typography.fontFamily;

function arc(cx, cy, radius, share) {
  const [from, to] = [Math.PI, Math.PI * (1 + Math.min(1, Math.max(0, share)))];
  const at = (angle) => `${cx + radius * Math.cos(angle)} ${cy + radius * Math.sin(angle)}`;
  return `M ${at(from)} A ${radius} ${radius} 0 0 1 ${at(to)}`;
}

// One figure between its field's least and most.
export function Dial({ value, field, width, height }) {
  const [least, most] = [field.min ?? 0, field.max ?? 100];
  const radius = Math.max(10, Math.min(width / 2 - 16, height - 44));
  const [cx, cy] = [width / 2, height / 2 + radius / 2 - 4];
  const thick = { fill: 'none', strokeWidth: radius / 4 };
  return (
    <svg width={width} height={height} style={{ fontFamily: FONT }}>
      <path d={arc(cx, cy, radius, 1)} stroke={theme.colors.background.secondary} {...thick} />
      <path d={arc(cx, cy, radius, (value.numeric - least) / (most - least))} stroke={value.color} {...thick} />
      <text x={cx} y={cy - 4} textAnchor="middle" fontSize={Math.max(12, radius / 3)} fill={value.color}>
        {formattedValueToString(value)}
      </text>
      <text x={cx} y={cy + 20} textAnchor="middle" fontSize={12} fill={theme.colors.text.secondary}>{value.title}</text>
    </svg>
  );
}

// A bar for each row and column of figures, named by the first column of texts.
export function BarChart({ panel, frames, width, height }) {
  const [frame] = frames;
  const names = frame.fields.find(({ type }) => type === 'string');
  const figures = frame.fields.filter(({ type }) => type === 'number');
  const bars = names.values.flatMap((name, row) => figures.map((field) => ({ name, field, value: field.values[row] })));
  const most = Math.max(...bars.map(({ value }) => value).filter(Number.isFinite), 0) || 1;
  const [left, band] = [Math.min(200, width / 3), height / bars.length];
  const across = width - left - 90;
  return (
    <svg width={width} height={height} style={{ font: `12px ${FONT}` }}>
      {bars.map(({ name, field, value }, place) => {
        const [middle, shown] = [place * band + band / 2 + 4, field.display(value)];
        const wide = Math.max(1, (across * value) / most || 0);
        return (
          <g key={place}>
            <title>{`${name} ${getFieldDisplayName(field, frame)}`}</title>
            <text x={left - 8} y={middle} textAnchor="end" fill={theme.colors.text.secondary}>{name}</text>
            <rect x={left} y={place * band + band * 0.15} width={wide} height={band * 0.7} fill={shown.color} />
            {panel.options.showValue !== 'never' && (
              <text x={left + wide + 6} y={middle} fill={theme.colors.text.primary}>{formattedValueToString(shown)}</text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
