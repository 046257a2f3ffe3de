/** Numbers and times as people read them. Pure. */

/** `850 ms`, `1.25 s`, `2 min 5 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Two significant digits below a cent, cents above; null is a price that is not known. */
export function usd(cost: number | null | undefined): string {
  if (cost === null || cost === undefined) return 'unknown';
  const size = Math.abs(cost);
  if (size === 0) return '$0';
  const digits = size >= 100 ? 0 : size >= 1 ? 2 : Math.min(9, Math.ceil(-Math.log10(size)) + 1 + (size >= 0.01 ? 1 : 0));
  const sign = cost < 0 ? '−' : '';
  return `${sign}$${size.toLocaleString('en-US', { minimumFractionDigits: Math.min(2, digits), maximumFractionDigits: digits })}`;
}

/** `950`, `12.4k`, `3.1M`. */
export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString('en-US');
  const [size, unit] = value < 1e6 ? [value / 1e3, 'k'] : value < 1e9 ? [value / 1e6, 'M'] : [value / 1e9, 'G'];
  return `${size < 100 ? size.toFixed(1) : Math.round(size)}${unit}`;
}

/** `12.5 %` of a share from 0 to 1; a dash for none. */
export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined || Number.isNaN(share) ? '–' : `${(share * 100).toFixed(digits)} %`;

/** `950 B`, `12.4 KiB`, `3.1 MiB`. */
export const bytes = (size: number): string =>
  size < 1_024 ? `${size} B` : size < 1_048_576 ? `${(size / 1_024).toFixed(1)} KiB` : `${(size / 1_048_576).toFixed(1)} MiB`;

const two = (value: number): string => String(value).padStart(2, '0');

/** `14:03:07`, in the reader's zone. */
export function clockTime(iso: string): string {
  const at = new Date(iso);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `1 Dec`, with the year when it is another. */
export function day(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
  return at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...year });
}

/** `1 Dec 14:03:07`, in the reader’s zone. */
export const dateTime = (iso: string): string => `${day(iso)} ${clockTime(iso)}`;

/** `just now`, `3 min ago`, `2 h ago`, `5 d ago`. */
export function ago(iso: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1_000);
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.round(seconds / 3_600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}

/** Two digits; a dash for none. */
export const confidence = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : value.toFixed(2));
