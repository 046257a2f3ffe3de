/** Renders a board as the JSON that Grafana imports. */
import type { Board, Panel, Unit } from './board.ts';
import type { Json, JsonObject } from './json.ts';
import { changesQuery, prometheus, store, variables } from './variables.ts';

const pluginVersion = '4.20.0';
const heightOf: Readonly<Record<Panel['type'], number>> = { stat: 5, timeseries: 9, table: 9, barchart: 9 };
/** Response formats of the store's data source. */
const responseFormats = { timeseries: 0, table: 1 } as const;
/** Below the smallest possible count, above rounding errors of sums. */
const alarmThreshold = 0.001;

/** `textOf` returns the text of a query file. */
export function renderBoard(board: Board, textOf: (query: string) => string): JsonObject {
  return {
    uid: board.uid,
    title: board.title,
    tags: ['hindcast'],
    schemaVersion: 42,
    editable: true,
    timezone: 'browser',
    time: { from: 'now-24h', to: 'now' },
    refresh: '1m',
    links: [{ title: 'Hindcast', type: 'dashboards', tags: ['hindcast'], asDropdown: true, includeVars: true, keepTime: true }],
    templating: { list: board.variables.map(name => variables[name]) },
    annotations: { list: board.variables.includes('datasource') ? [configurationChanges] : [] },
    panels: withGridPositions(board.panels).map(({ panel, x, y }, i) => renderPanel(panel, i + 1, x, y, textOf(panel.query), board)),
  };
}

/** A mark where requests first have another configuration. */
const configurationChanges: JsonObject = {
  name: 'Configuration changes',
  datasource: store,
  enable: true,
  iconColor: 'orange',
  target: {
    ...{ refId: 'Anno', editorType: 'sql', queryType: 'table', format: responseFormats.table, pluginVersion },
    rawSql: changesQuery,
  },
};

function renderPanel(panel: Panel, id: number, x: number, y: number, text: string, board: Board): JsonObject {
  const { title, description, type, width, query } = panel;
  const target = query.endsWith('.promql') ? prometheusTarget(type, text) : storeTarget(type, text);
  return {
    id,
    title,
    description,
    type,
    datasource: target.datasource!,
    gridPos: { x, y, w: width, h: heightOf[type] },
    fieldConfig: fieldConfigOf(panel, board.variables.includes('console')),
    options: optionsOf(panel),
    targets: [target],
  };
}

function storeTarget(type: Panel['type'], rawSql: string): JsonObject {
  const queryType = type === 'timeseries' ? 'timeseries' : 'table';
  return { refId: 'A', datasource: store, editorType: 'sql', rawSql, format: responseFormats[queryType], queryType, pluginVersion };
}

function prometheusTarget(type: Panel['type'], expr: string): JsonObject {
  const range = type === 'timeseries';
  return { refId: 'A', datasource: prometheus, editorMode: 'code', expr, range, instant: !range, legendFormat: '__auto' };
}

function fieldConfigOf(panel: Panel, hasLinks: boolean): JsonObject {
  const overrides = panel.type === 'table' ? [...Object.entries(panel.columns ?? {}).map(columnUnit), ...(hasLinks ? idLinks : [])] : [];
  return { defaults: { unit: panel.unit, ...fieldDefaultsOf(panel) }, overrides };
}

const columnUnit = ([name, unit]: readonly [string, Unit]): Json => ({
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'unit', value: unit }],
});

/** Ids in tables lead to the console and to the traces. A column that a table lacks matches nothing. */
const idLinks: readonly Json[] = [
  linkOf('request_id', 'Open the exchange', '${console}/exchanges/${__value.raw}'),
  linkOf('trace_id', 'Open the trace', '${traces}/${__value.raw}'),
  linkOf('conversation_id', 'Show the conversation', '${console}/traffic?conversation=${__value.raw}'),
];

function linkOf(column: string, title: string, url: string): Json {
  return { matcher: { id: 'byName', options: column }, properties: [{ id: 'links', value: [{ title, url, targetBlank: true }] }] };
}

function fieldDefaultsOf(panel: Panel): JsonObject {
  if (panel.type === 'stat') {
    const bad = { color: 'red', value: alarmThreshold };
    const steps = panel.alarming ? [{ color: 'green', value: null }, bad] : [{ color: 'text', value: null }];
    return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } };
  }
  if (panel.type !== 'timeseries') return {};
  return panel.stacked
    ? { min: 0, custom: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 30 } }
    : { min: 0, custom: { stacking: { mode: 'none', group: 'A' }, fillOpacity: 0 } };
}

function optionsOf(panel: Panel): JsonObject {
  if (panel.type === 'stat') return { colorMode: 'value', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } };
  if (panel.type === 'barchart') return { legend: { showLegend: false } };
  return {};
}

/** Rows of 24 columns, filled from the left. */
function withGridPositions(panels: readonly Panel[]): readonly { readonly panel: Panel; readonly x: number; readonly y: number }[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map(panel => {
    if (x + panel.width > 24) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const positioned = { panel, x, y };
    x += panel.width;
    rowHeight = Math.max(rowHeight, heightOf[panel.type]);
    return positioned;
  });
}
