/** What the admin API asks of the records. The composition root hands in who answers; every question is bounded in time and rows. */
import type { AuditQuery, AuditRow } from './api/access.ts';
import type { ExchangeDetail, ExchangeSummary, ExchangesQuery, Payload } from './api/exchanges.ts';
import type { AnswerOf, QueryOf } from './api/table.ts';
import type { Pair, Run, UsageQuery, UsageRow } from './api/usage.ts';

/** Rows and `after` of the next page; null on the last. */
export interface RowPage<Row> {
  readonly data: Row[];
  readonly next: string | null;
}

export interface Asker {
  /** Only rows of these tenants; undefined for all. */
  readonly tenants: readonly string[] | undefined;
  /** Aborts when the asker leaves: the question ends in the store as well. */
  readonly signal: AbortSignal;
}

type LabelRow = AnswerOf<'listLabels'>['data'][number];

/** Every call rejects with RecordsFailure when it cannot be answered. */
export interface Records {
  exchanges(query: ExchangesQuery, asker: Asker): Promise<RowPage<ExchangeSummary>>;
  exchange(id: string, asker: Asker): Promise<ExchangeDetail | undefined>;
  payload(id: string, attempt: number, asker: Asker): Promise<Payload | undefined>;
  /** Tenant of an exchange. */
  tenantOf(id: string, asker: Asker): Promise<string | undefined>;
  usage(query: UsageQuery, asker: Asker): Promise<RowPage<UsageRow>>;
  runs(query: QueryOf<'listRuns'>, asker: Asker): Promise<RowPage<Run>>;
  run(id: string, asker: Asker): Promise<Run | undefined>;
  pairs(run: string, query: QueryOf<'listPairs'>, asker: Asker): Promise<RowPage<Pair>>;
  labels(query: QueryOf<'listLabels'>, asker: Asker): Promise<RowPage<LabelRow>>;
  audit(query: AuditQuery, asker: Asker): Promise<RowPage<AuditRow>>;
  close(): Promise<void>;
}

export class RecordsFailure extends Error {
  /** `unavailable`: nobody answers; `too_expensive`: it took too long or too much; `invalid`: a cursor or a time that is none. */
  readonly kind: 'unavailable' | 'too_expensive' | 'invalid';

  constructor(kind: RecordsFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}
