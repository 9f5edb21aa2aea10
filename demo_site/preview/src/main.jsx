// The preview: the boards as Grafana would draw them, by its own components, from a live Prometheus.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GlobalStyles, PanelContextProvider, ThemeContext } from '@grafana/ui';

import { Board, STYLE } from './board.jsx';
import { theme } from './frames.js';
import { ALL, isAll, variablesOf } from './variables.js';

const RANGES = { '5 minutes': 300, '15 minutes': 900, '1 hour': 3600, '6 hours': 21600, '1 day': 86400, '7 days': 604800 };
const NOTHING = { subscribe: () => ({ unsubscribe() {} }), pipe: () => NOTHING };
const BUS = {
  publish() {},
  getStream: () => NOTHING,
  subscribe: () => ({ unsubscribe() {} }),
  removeAllListeners() {},
  newScopedBus: () => BUS,
};

function place() {
  const [uid, query = ''] = window.location.hash.slice(1).split('?');
  return { uid, chosen: new URLSearchParams(query) };
}

function go(uid, chosen) {
  window.location.hash = `${uid}?${chosen}`;
}

function seconds(scrape, width, length) {
  // As Grafana: no more points than pixels, no finer than the scrapes; a rate looks at four of these at least.
  const step = Math.max(scrape, Math.ceil(length / Math.max(100, width / 2)));
  return { step, rate: Math.max(step + scrape, 4 * scrape) };
}

function rangeOf(length, scrape, width) {
  const to = Math.floor(Date.now() / 1000);
  const { step, rate } = seconds(scrape, width, length);
  const scope = { __url_time_range: `seconds=${length}`, __rate_interval: `${rate}s`, __interval: `${step}s`, __range: `${length}s`, __range_s: `${length}` };
  return { from: to - length, to, step, scope };
}

function Choice({ variable, choose }) {
  const { name, label, options, value, multi, includeAll } = variable;
  const one = isAll(value) ? ALL : [value].flat()[0];
  return (
    <label>
      {label || name}
      <select name={name} value={one ?? ''} onChange={(event) => choose(name, event.target.value)}>
        {includeAll && <option value={ALL}>All</option>}
        {options.map((each) => <option key={each}>{each}</option>)}
        {multi && Array.isArray(value) && value.length > 1 && <option value={one}>{value.join(' + ')}</option>}
      </select>
    </label>
  );
}

function Preview({ boards, scrape, length: usual }) {
  const [{ uid, chosen }, setPlace] = useState(place());
  const [width, setWidth] = useState(document.documentElement.clientWidth);
  const [state, setState] = useState(null);
  const board = boards.find((each) => each.uid === uid) ?? boards[0];
  const length = Number(chosen.get('seconds')) || usual;
  useEffect(() => {
    const moved = () => setPlace(place());
    const resized = () => setWidth(document.documentElement.clientWidth);
    window.addEventListener('hashchange', moved);
    window.addEventListener('resize', resized);
    return () => {
      window.removeEventListener('hashchange', moved);
      window.removeEventListener('resize', resized);
    };
  }, []);
  useEffect(() => {
    const range = rangeOf(length, scrape, width);
    const asked = {};
    for (const { name } of board.templating.list) {
      const values = chosen.getAll(`var-${name}`).filter((each) => each !== '');
      if (values.length && !values.includes(ALL)) {
        asked[name] = values;
      }
    }
    variablesOf(board, asked, range.scope)
      .then((variables) => setState({ board, variables, range }))
      .catch((error) => setState({ error: String(error.message ?? error) }));
  }, [board, chosen.toString(), width]);
  const choose = (name, value) => {
    const next = new URLSearchParams(chosen);
    next.set(name, value);
    go(board.uid, next);
  };
  const pages = boards.map((each) => ({ ...each, name: each.title.replace(/^djmetrics \/ /, '') }));
  return (
    <>
      <nav>
        {pages.map((each) => (
          <a key={each.uid} href={`#${each.uid}?${chosen}`} className={each === board || each.uid === board.uid ? 'here' : ''}>
            {each.name}
          </a>
        ))}
        <span className="label">Preview: drawn with Grafana's components. This is no Grafana.</span>
      </nav>
      <h1>{board.title}</h1>
      <p className="about">{board.description}</p>
      <div className="choices">
        {state?.board === board &&
          state.variables
            .filter(({ type, hide }) => type === 'query' && !hide)
            .map((each) => <Choice key={each.name} variable={each} choose={(name, value) => choose(`var-${name}`, value)} />)}
        <label>
          Last
          <select name="seconds" value={length} onChange={(event) => choose('seconds', event.target.value)}>
            {Object.entries(RANGES).map(([name, value]) => <option key={value} value={value}>{name}</option>)}
            {!Object.values(RANGES).includes(length) && <option value={length}>{length} seconds</option>}
          </select>
        </label>
      </div>
      {state?.error && <p className="empty">Prometheus: {state.error}</p>}
      {state?.board === board && <Board key={board.uid} {...state} width={width} />}
    </>
  );
}

async function start() {
  const { boards, scrape, length } = await (await fetch('/boards')).json();
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles hackNoBackdropBlur isExtensionSidebarOpen={false} />
      <style>{STYLE}</style>
      <PanelContextProvider value={{ eventsScope: 'preview', eventBus: BUS }}>
        <Preview boards={boards} scrape={scrape} length={length} />
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
}

start().catch((error) => {
  document.body.textContent = `The preview does not start: ${error.stack}`;
});
