/** Rate limits of a run by provider: calls wait, none is dropped. */
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';

export interface RateLimits {
  /** Reserves capacity for a call, and returns when it may begin. */
  reserve(provider: string, tokens: number, now: Instant): Instant;
}

const minuteMs = 60_000;

/** Spreads calls and tokens evenly, without bursts: the provider's minutes may start at another time. */
export function rateLimits(rpm: ReadonlyMap<string, number>, tpm: ReadonlyMap<string, number>): RateLimits {
  const free = new Map<string, Instant>();
  return {
    reserve: (provider, tokens, now) => {
      const [calls, flow] = [rpm.get(provider), tpm.get(provider)];
      if (calls === undefined && flow === undefined) return now;
      const at = Math.max(now, free.get(provider) ?? now);
      const takes: Milliseconds = Math.max(calls === undefined ? 0 : minuteMs / calls, flow === undefined ? 0 : (tokens * minuteMs) / flow);
      free.set(provider, at + takes);
      return at;
    },
  };
}

/** Parses `openai=300` into rates per minute by provider. Throws a CommandError for other text. */
export function parseRates(texts: readonly string[] | undefined, flag: string): ReadonlyMap<string, number> {
  return new Map(
    (texts ?? []).map(text => {
      const [, provider, count] = /^([^=]+)=(\d+)$/.exec(text) ?? [];
      if (provider === undefined || !(Number(count) > 0)) throw new CommandError(exit.usage, `${flag} ${text}: write it as openai=300.`);
      return [provider, Number(count)];
    }),
  );
}
