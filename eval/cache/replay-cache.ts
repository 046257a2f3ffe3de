/** Runs recorded requests past an exact response cache, as if it had stood there. Pure. */
import { boundedMeanInference, type Clusters, clustersOf, type Estimate, ratioInference, tabulate } from '../../statistics/index.ts';

/** One recorded request, as far as a cache cares. Times are Unix milliseconds. */
export interface CachedRequest {
  readonly at: number;
  readonly endedAt: number;
  /** Equal for requests that may share an answer. */
  readonly key: string;
  /** The answer that the caller got, as a hash of text and tool calls; undefined where the body cannot be read. */
  readonly answer: string | undefined;
  /** Whole, and of a kind that a cache may keep: no error, no cut or filtered answer. */
  readonly isCacheable: boolean;
  /** Undefined: the price is unknown. */
  readonly costNanoUsd: number | undefined;
}

/** What a cache of one lifetime would have done. Intervals are clustered by key: one prompt that everybody sends is one observation. */
export interface CacheOutcome {
  readonly ttlMs: number;
  readonly requests: number;
  readonly keys: number;
  readonly hits: number;
  /** Hits that wait for an equal request under way. */
  readonly joined: number;
  readonly hitRate: Estimate;
  readonly savedNanoUsd: number;
  /** Of what all requests cost; undefined without a hit, and where nothing has a known price. */
  readonly savedShare: Estimate | undefined;
  /** Hits without a known price: they save something that is not counted. */
  readonly unpricedHits: number;
  /** Seconds of waiting that callers of hits were spared. */
  readonly savedSeconds: number;
  /** Hits whose own recorded answer can be read, and those of them that got another answer. */
  readonly comparedHits: number;
  readonly differentHits: number;
  readonly differentShare: Estimate | undefined;
}

interface Entry {
  readonly readyAt: number;
  readonly expiresAt: number;
  readonly answer: string | undefined;
}

/** `requests` in order of arrival. A hit does not renew its entry; a failed or cut answer is never kept. */
export function replayCache(requests: readonly CachedRequest[], ttlMs: number, confidence: number): CacheOutcome {
  const entries = new Map<string, Entry>();
  const hit = new Uint8Array(requests.length);
  const different = new Uint8Array(requests.length);
  const compared: number[] = [];
  let joined = 0;
  for (const [i, request] of requests.entries()) {
    const entry = entries.get(request.key);
    if (entry && request.at < entry.expiresAt) {
      hit[i] = 1;
      if (request.at < entry.readyAt) joined++;
      if (entry.answer === undefined || request.answer === undefined) continue;
      compared.push(i);
      if (entry.answer !== request.answer) different[i] = 1;
    } else if (request.isCacheable) {
      entries.set(request.key, { readyAt: request.endedAt, expiresAt: request.endedAt + ttlMs, answer: request.answer });
    }
  }
  return summarise(requests, { ttlMs, confidence, hit, different, compared, joined });
}

interface Counted {
  readonly ttlMs: number;
  readonly confidence: number;
  readonly hit: Uint8Array;
  readonly different: Uint8Array;
  readonly compared: readonly number[];
  readonly joined: number;
}

function summarise(requests: readonly CachedRequest[], { ttlMs, confidence, hit, different, compared, joined }: Counted): CacheOutcome {
  const n = requests.length;
  const clusters = clustersOf(requests.map(({ key }) => key));
  const saved = tabulate(n, i => (hit[i] ? (requests[i]!.costNanoUsd ?? 0) : 0));
  const cost = tabulate(n, i => requests[i]!.costNanoUsd ?? 0);
  const hits = hit.reduce((sum, is) => sum + is, 0);
  const total = cost.reduce((sum, x) => sum + x, 0);
  const among = clustersOf(compared.map(i => requests[i]!.key));
  return {
    ...{ ttlMs, requests: n, keys: clusters.count, hits, joined },
    hitRate: shareOf(hit, clusters, confidence),
    savedNanoUsd: saved.reduce((sum, x) => sum + x, 0),
    // Without a hit there is no spread to make an interval of.
    savedShare: total === 0 || hits === 0 ? undefined : ratioInference(saved, cost, clusters).interval(confidence),
    unpricedHits: requests.filter(({ costNanoUsd }, i) => hit[i] && costNanoUsd === undefined).length,
    savedSeconds: requests.reduce((sum, { at, endedAt }, i) => sum + (hit[i] ? endedAt - at : 0), 0) / 1000,
    comparedHits: compared.length,
    differentHits: compared.filter(i => different[i]).length,
    differentShare:
      compared.length === 0
        ? undefined
        : shareOf(
            compared.map(i => different[i]!),
            among,
            confidence,
          ),
  };
}

/** A share with its interval, kept within [0, 1]. */
function shareOf(values: ArrayLike<number>, clusters: Clusters, confidence: number): Estimate {
  const { value, low, high } = boundedMeanInference(values, clusters, 0, 1).interval(confidence);
  return { value, low: Math.max(0, low), high: Math.min(1, high) };
}
