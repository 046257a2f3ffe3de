/** The types of a dashboard: boards, panels and their options. */

export interface Board {
  /** Never changes: links and saved views refer to it. */
  readonly uid: string;
  readonly title: string;
  readonly variables: readonly VariableName[];
  readonly panels: readonly Panel[];
}

export type VariableName =
  | ('datasource' | 'prometheus' | 'outcome' | 'run')
  /** Filters of requests, see filters.ts. */
  | ('tenant' | 'project' | 'key' | 'route' | 'model' | 'provider' | 'environment' | 'config' | 'tag')
  /** Addresses that links from ids lead to. */
  | ('console' | 'traces');

/** Grafana's unit names. */
export type Unit = 'currencyUSD' | 'µs' | 'ms' | 's' | 'short' | 'percentunit' | 'bytes' | 'none';

export type Panel = PanelOptions &
  (
    | { readonly type: 'stat' /** Any value above 0 is bad. */; readonly alarming?: boolean }
    | { readonly type: 'timeseries' /** The series are parts of a whole. */; readonly stacked?: boolean }
    | { readonly type: 'barchart' }
    | { readonly type: 'table' /** Units of columns that differ from the panel's. */; readonly columns?: Readonly<Record<string, Unit>> }
  );

interface PanelOptions {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** A file under `queries/`. Its extension chooses the data source: the store or Prometheus. */
  readonly query: `${string}.sql` | `${string}.promql`;
  /** Of 24 columns. */
  readonly width: 6 | 8 | 12 | 24;
}
