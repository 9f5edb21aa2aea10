// States over time. Grafana's own panel is no part of its library: this is drawn here, in its colours.
import { dateTimeFormat } from '@grafana/data';

import { theme } from './frames.js';

const LEFT = 190;
const BOTTOM = 22;

function spans(frame, range) {
  const [time, value] = frame.fields;
  const found = [];
  time.values.forEach((at, index) => {
    const last = found[found.length - 1];
    const from = at / 1000;
    if (last && last.value === value.values[index] && from - last.to <= range.step * 1.5) {
      last.to = from;
    } else {
      found.push({ value: value.values[index], from, to: from });
    }
  });
  return found.map((each) => ({ ...each, to: Math.min(range.to, each.to + range.step), shown: value.display(each.value) }));
}

export function StateTimeline({ panel, frames, range, width, height }) {
  const down = (height - BOTTOM) / frames.length;
  const across = (width - LEFT) / (range.to - range.from);
  const band = down * (panel.options.rowHeight ?? 0.9);
  const grey = theme.colors.text.secondary;
  return (
    <svg width={width} height={height} style={{ font: `12px ${theme.typography.fontFamily}` }}>
      {frames.map((frame, row) => (
        <g key={row} transform={`translate(0, ${row * down})`}>
          <text x={LEFT - 8} y={down / 2 + 4} textAnchor="end" fill={grey}>{frame.fields[1].config.displayNameFromDS}</text>
          {spans(frame, range).map(({ from, to, shown }) => (
            <g key={from}>
              <title>{shown.text}</title>
              <rect
                x={LEFT + (from - range.from) * across}
                y={(down - band) / 2}
                width={Math.max(1, (to - from) * across)}
                height={band}
                fill={shown.color}
                fillOpacity={0.7}
              />
              {(to - from) * across > 60 && (
                <text x={LEFT + (from - range.from) * across + 6} y={down / 2 + 4} fill="#fff">{shown.text}</text>
              )}
            </g>
          ))}
        </g>
      ))}
      {[0.1, 0.3, 0.5, 0.7, 0.9].map((part) => (
        <text key={part} x={LEFT + (width - LEFT) * part} y={height - 5} textAnchor="middle" fill={grey}>
          {dateTimeFormat((range.from + (range.to - range.from) * part) * 1000, { format: 'HH:mm:ss' })}
        </text>
      ))}
    </svg>
  );
}
