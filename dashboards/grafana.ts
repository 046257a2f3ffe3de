/** A board as the JSON that Grafana imports. */
import type { Board, Panel } from './boards.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const datasource = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' };
const heightOf: Readonly<Record<Panel['type'], number>> = { stat: 6, timeseries: 9, table: 9, barchart: 9 };
/** How the data source shapes its answer. */
const formatOf: Readonly<Record<Panel['type'], number>> = { stat: 1, timeseries: 0, table: 1, barchart: 1 };

/** `sqlOf` gives the text of a query by its name. */
export function renderBoard(board: Board, sqlOf: (query: string) => string): Json {
  return {
    uid: board.uid,
    title: board.title,
    tags: ['hindcast'],
    schemaVersion: 42,
    editable: true,
    time: { from: 'now-24h', to: 'now' },
    refresh: '1m',
    templating: { list: [datasourceVariable, tenantVariable] },
    panels: placed(board.panels).map(({ panel, x, y }, i) => renderPanel(panel, i + 1, x, y, sqlOf(panel.query))),
  };
}

const datasourceVariable: Json = { name: 'datasource', label: 'Store', type: 'datasource', query: 'grafana-clickhouse-datasource' };
const tenantVariable: Json = {
  name: 'tenant',
  label: 'Tenant',
  type: 'query',
  datasource,
  query: 'SELECT DISTINCT tenant_id FROM usage_1h ORDER BY tenant_id',
  includeAll: true,
  multi: true,
  refresh: 1,
};

function renderPanel({ title, description, unit, type, width }: Panel, id: number, x: number, y: number, rawSql: string): Json {
  return {
    id,
    title,
    description,
    type,
    datasource,
    gridPos: { x, y, w: width, h: heightOf[type] },
    fieldConfig: { defaults: { unit }, overrides: [] },
    options: {},
    targets: [
      {
        refId: 'A',
        datasource,
        editorType: 'sql',
        rawSql,
        format: formatOf[type],
        queryType: type === 'timeseries' ? 'timeseries' : 'table',
      },
    ],
  };
}

/** Rows of 24 columns, filled from the left. */
function placed(panels: readonly Panel[]): readonly { readonly panel: Panel; readonly x: number; readonly y: number }[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map(panel => {
    if (x + panel.width > 24) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const place = { panel, x, y };
    x += panel.width;
    rowHeight = Math.max(rowHeight, heightOf[panel.type]);
    return place;
  });
}
