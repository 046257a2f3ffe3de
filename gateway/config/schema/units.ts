/** Durations and sizes with their units: `60s`, `1GiB`. */
import type { Milliseconds } from '../../core/shared/time.ts';

const msPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const durationPattern = /^(\d{1,15}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/** Whole milliseconds; undefined when the text is not a duration. */
export function parseDuration(text: string): Milliseconds | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Math.round(Number(count) * msPer[unit]!);
}

const bytesPer: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
export const bytesPattern = /^(\d{1,15}(?:\.\d{1,3})?)(B|[KMGT]i?B)$/;

/** Whole bytes; undefined when the text is not a size. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit] = bytesPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Math.round(Number(count) * bytesPer[unit]!);
}
