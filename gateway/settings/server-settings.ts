/** Where the gateway listens, and which web pages may call it. */
import type { Milliseconds } from '../core/shared/time.ts';

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  /** Absent when no web page of another site may call. */
  readonly cors?: CorsSettings;
}

/** Web pages of other sites that may call the gateway. */
export interface CorsSettings {
  /** As browsers name them, `https://app.example.com`; `*` for all. */
  readonly origins: readonly string[];
  /** Further request headers, in lower case; `*` for all. */
  readonly headers: readonly string[];
  /** How long a browser may keep the answer. */
  readonly maxAgeMs: Milliseconds;
}
