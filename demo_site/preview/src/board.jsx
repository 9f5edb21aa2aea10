// A board: its panels on Grafana's grid of 24 columns, rows that open and close, rows and panels that repeat.
import { Component, useEffect, useState } from 'react';
import { PanelChrome } from '@grafana/ui';

import { theme, transformed } from './frames.js';
import { Drawn, here } from './panels.jsx';
import { framesOf } from './prometheus.js';
import { interpolate, isAll } from './variables.js';

const CELL = 30;
const GAP = 8;

function chosen(variable) {
  return isAll(variable.value) ? variable.options : [variable.value].flat();
}

// The panels in the order in which they are shown: a row with `repeat` once for each chosen value.
function placed(board, variables, open) {
  const found = [];
  let shift = 0;
  const rows = groups(board.panels);
  rows.forEach(({ row, panels }) => {
    const repeated = row?.repeat && variables.find(({ name }) => name === row.repeat);
    const values = repeated ? chosen(repeated) : [undefined];
    const isOpen = !row || open[row.id] || (open[row.id] === undefined && !row.collapsed);
    const inner = row?.collapsed ? row.panels : panels;
    const height = isOpen && inner.length ? span(inner) : 0;
    values.forEach((value, turn) => {
      const repeats = value === undefined ? {} : { [row.repeat]: value };
      const add = (panel, y) => found.push({ panel, y, repeats, key: `${panel.id}.${turn}`, isOpen });
      if (row) {
        add(row, row.gridPos.y + shift);
      }
      if (isOpen) {
        inner.forEach((panel) => add(panel, panel.gridPos.y + shift));
      }
      if (turn < values.length - 1) {
        shift += 1 + height;
      }
    });
    if (row?.collapsed && isOpen) {
      shift += height;
    } else if (row && !row.collapsed && !isOpen) {
      shift -= span(inner);
    }
  });
  return found;
}

function groups(panels) {
  const found = [{ row: null, panels: [] }];
  panels.forEach((panel) => {
    if (panel.type === 'row') {
      found.push({ row: panel, panels: [] });
    } else {
      found[found.length - 1].panels.push(panel);
    }
  });
  return found.filter(({ row, panels: inner }) => row || inner.length);
}

function span(panels) {
  const top = Math.min(...panels.map(({ gridPos }) => gridPos.y));
  return Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) - top;
}

// The variables with the value that a row or a panel was repeated for.
function narrowed(variables, repeats) {
  return variables.map((each) => (each.name in repeats ? { ...each, value: [repeats[each.name]] } : each));
}

// What fails while it is drawn takes no other panel with it.
class Failsafe extends Component {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidCatch(error) {
    this.props.tell(String(error.message ?? error));
  }

  render() {
    return this.state.failed ? null : this.props.children;
  }
}

function Panel({ panel, variables, range, width, height }) {
  const [state, setState] = useState({ frames: null, error: '' });
  const fill = (text, more = {}, format = undefined) =>
    interpolate(text, variables, { ...range.scope, ...more }, typeof format === 'string' ? format : undefined);
  useEffect(() => {
    let wanted = true;
    framesOf(panel, fill, range)
      .then((frames) => transformed(panel, frames, fill))
      .then((frames) => wanted && setState({ frames, error: '' }))
      .catch((error) => wanted && setState({ frames: null, error: String(error.message ?? error) }));
    return () => {
      wanted = false;
    };
  }, [panel, JSON.stringify(variables.map(({ value }) => value)), range]);
  const status = state.error ? 'failed' : state.frames ? 'drawn' : 'loading';
  return (
    <div data-panel={panel.title} data-type={panel.type} data-status={status} data-error={state.error}>
      <PanelChrome width={width} height={height} title={fill(panel.title, {}, 'text')} description={panel.description} padding={panel.type === 'table' ? 'none' : 'md'}>
        {(w, h) =>
          state.error ? (
            <div className="empty">{state.error}</div>
          ) : state.frames ? (
            <Failsafe tell={(error) => setState({ frames: null, error })}>
              <Drawn {...{ panel, frames: state.frames, range, width: w, height: h, fill }} />
            </Failsafe>
          ) : null
        }
      </PanelChrome>
    </div>
  );
}

export function Board({ board, variables, range, width }) {
  const [open, setOpen] = useState({});
  const column = (width - GAP) / 24;
  const all = placed(board, variables, open);
  const bottom = Math.max(...all.map(({ panel, y }) => y + panel.gridPos.h));
  const follow = (event) => {
    const link = event.target.closest?.('a[href^="/d/"]');
    if (link) {
      event.preventDefault();
      window.location.hash = here(link.getAttribute('href'));
    }
  };
  return (
    <main style={{ position: 'relative', height: bottom * (CELL + GAP) + GAP }} onClickCapture={follow}>
      {all.map(({ panel, y, repeats, key, isOpen }) => {
        const known = narrowed(variables, repeats);
        const { x, w, h } = panel.gridPos;
        const box = { left: x * column + GAP, top: y * (CELL + GAP), position: 'absolute' };
        const [width_, height_] = [w * column - GAP, h * (CELL + GAP) - GAP];
        return panel.type === 'row' ? (
          <button key={key} className="row" style={box} onClick={() => setOpen({ ...open, [panel.id]: !isOpen })}>
            {isOpen ? '▾' : '▸'} {interpolate(panel.title, known, {}, 'text')}
          </button>
        ) : (
          <div key={key} style={box}>
            <Panel {...{ panel, range }} variables={known} width={width_} height={height_} />
          </div>
        );
      })}
    </main>
  );
}

export const STYLE = `
  body { color: ${theme.colors.text.primary}; font: 14px ${theme.typography.fontFamily}; }
  .empty { display: flex; align-items: center; justify-content: center; height: 100%; color: ${theme.colors.text.secondary}; }
  .row { background: none; border: 0; color: inherit; font: 500 16px ${theme.typography.fontFamily}; padding: 4px 0; cursor: pointer; }
  nav { display: flex; flex-wrap: wrap; gap: 4px 14px; padding: 10px ${GAP}px; align-items: center; background: ${theme.colors.background.primary}; }
  nav a { color: ${theme.colors.text.secondary}; text-decoration: none; }
  nav a.here { color: ${theme.colors.text.primary}; font-weight: 600; }
  nav .label { margin-left: auto; color: ${theme.colors.warning.text}; }
  .choices { display: flex; flex-wrap: wrap; gap: 8px 16px; padding: 8px; align-items: center; }
  .choices label { color: ${theme.colors.text.secondary}; }
  select { appearance: auto; background: ${theme.colors.background.secondary}; border: 1px solid ${theme.colors.border.medium}; padding: 4px 8px; margin-left: 6px; font: 14px ${theme.typography.fontFamily}; height: 32px; max-width: 260px; color: ${theme.colors.text.primary}; }
  h1 { font-size: 20px; margin: 8px ${GAP}px 0; }
  .about { margin: 2px ${GAP}px 0; color: ${theme.colors.text.secondary}; }
`;
