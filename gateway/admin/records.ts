/** What the admin API reads of the records. The composition root passes the implementation in; every query is bounded in time and rows. */
import type { AuditQuery, AuditRow } from './api/access.ts';
import type { ExchangeDetail, ExchangeSummary, ExchangesQuery, Payload } from './api/exchanges.ts';
import type { AnswerOf, QueryOf } from './api/table.ts';
import type { Pair, Run, UsageQuery, UsageRow } from './api/usage.ts';

/** Rows and `after` of the next page; null on the last. */
export interface RowPage<Row> {
  readonly data: Row[];
  readonly next: string | null;
}

export interface ReadScope {
  /** Only rows of these tenants; undefined for all. */
  readonly tenants: readonly string[] | undefined;
  /** Aborts when the client disconnects: the query ends in the store as well. */
  readonly signal: AbortSignal;
}

type LabelRow = AnswerOf<'listLabels'>['data'][number];

/** Every call rejects with RecordsFailure when it cannot be answered. */
export interface Records {
  exchanges(query: ExchangesQuery, scope: ReadScope): Promise<RowPage<ExchangeSummary>>;
  exchange(id: string, scope: ReadScope): Promise<ExchangeDetail | undefined>;
  payload(id: string, attempt: number, scope: ReadScope): Promise<Payload | undefined>;
  /** Tenant of an exchange. */
  tenantOf(id: string, scope: ReadScope): Promise<string | undefined>;
  usage(query: UsageQuery, scope: ReadScope): Promise<RowPage<UsageRow>>;
  runs(query: QueryOf<'listRuns'>, scope: ReadScope): Promise<RowPage<Run>>;
  run(id: string, scope: ReadScope): Promise<Run | undefined>;
  pairs(run: string, query: QueryOf<'listPairs'>, scope: ReadScope): Promise<RowPage<Pair>>;
  labels(query: QueryOf<'listLabels'>, scope: ReadScope): Promise<RowPage<LabelRow>>;
  audit(query: AuditQuery, scope: ReadScope): Promise<RowPage<AuditRow>>;
  close(): Promise<void>;
}

export class RecordsFailure extends Error {
  /** `unavailable`: the store does not answer; `too_expensive`: a limit of time or memory; `invalid`: a malformed cursor or time. */
  readonly kind: 'unavailable' | 'too_expensive' | 'invalid';

  constructor(kind: RecordsFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}
