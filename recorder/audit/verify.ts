/** Verifies the audit in the store: finds entries that were changed, removed, moved or cut off. */
import type { Store } from '../store/store.ts';
import { type ChainFault, type ChainHead, type ChainRow, firstFault } from './chain.ts';
import { openAudit } from './ledger.ts';
import { hasChain } from './write.ts';

export interface AuditStatus {
  readonly entries: number;
  /** Written down here and not in the store yet. */
  readonly waiting: number;
  /** Of this folder's chain. A copy kept elsewhere makes a rewritten history detectable. */
  readonly head: ChainHead | undefined;
  /** The first entry of each chain that is not as it was written. */
  readonly faults: readonly ChainFault[];
}

const dayMs = 86_400_000;
const pageRows = 10_000;

/** `keptDays` is how long the store keeps entries: older ones may be gone. */
export async function auditStatus(store: Pick<Store, 'select'>, storePath: string, keptDays: number): Promise<AuditStatus> {
  const ledger = openAudit(storePath);
  try {
    const waiting = ledger.unshipped(pageRows).length;
    const status = { waiting, head: ledger.head() };
    if (!(await hasChain(store))) return { ...status, entries: 0, faults: [] };
    const chains = await store.select<{ chain: string; n: number; first: number }>(
      "SELECT chain, uniqExact(seq) AS n, min(seq) AS first FROM audit WHERE chain != '' GROUP BY chain ORDER BY chain",
    );
    const own = ledger.shippedHead();
    // A part of the table goes as a whole when its last row's time is over, and not to the minute.
    const expectedChains = ledger.firstSince(Date.now() - (keptDays - 1) * dayMs);
    const known = new Set(chains.map(({ chain }) => chain));
    const faults: ChainFault[] = [];
    if (own && !known.has(ledger.chain) && expectedChains !== undefined && expectedChains <= own.seq)
      faults.push({ chain: ledger.chain, seq: expectedChains, problem: 'is missing' });
    for (const { chain, first } of chains) {
      const isOwn = chain === ledger.chain;
      const from = isOwn && expectedChains !== undefined ? Math.min(Number(first), expectedChains) : Number(first);
      const fault = await findFault(store, chain, from, isOwn ? own : undefined);
      if (fault) faults.push(fault);
    }
    return { ...status, entries: chains.reduce((sum, { n }) => sum + Number(n), 0), faults };
  } finally {
    ledger.close();
  }
}

/** In pages, each beginning with the last entry of the one before. */
async function findFault(
  store: Pick<Store, 'select'>,
  chain: string,
  first: number,
  head: ChainHead | undefined,
): Promise<ChainFault | undefined> {
  for (let from = first; ; ) {
    const rows = await store.select<ChainRow>(
      `SELECT DISTINCT chain, seq, toUnixTimestamp64Milli(ts) AS at, actor, action, tenant_id AS tenant, subject, detail, previous, hash
FROM audit WHERE chain = {chain: String} AND seq >= {from: UInt64} ORDER BY seq LIMIT {rows: UInt64}`,
      { chain, from, rows: pageRows },
    );
    const isLast = rows.length < pageRows;
    const fault = firstFault(rows, from, isLast ? head : undefined);
    if (fault) return { ...fault, chain };
    if (isLast) return undefined;
    from = Number(rows.at(-1)!.seq);
  }
}

/** The audit's state for the terminal; faults come first. */
export function auditText({ entries, waiting, head, faults }: AuditStatus): string {
  const rest = waiting === 0 ? '' : `, ${waiting} not in the store yet`;
  if (faults.length === 0) return `The audit is whole: ${entries} entries${rest}${head ? `; the last is ${head.seq}, ${head.hash}` : ''}.`;
  const broken = faults.map(({ chain, seq, problem }) => `entry ${seq} of ${chain} ${problem}`);
  return `THE AUDIT WAS CHANGED: ${broken.join('; ')}.`;
}
