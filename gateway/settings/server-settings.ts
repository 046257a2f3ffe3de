/** Where the gateway listens, how much it takes at once, and which web pages may call it. */
import type { Milliseconds } from '../core/shared/time.ts';

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  /** Absent when no web page of another site may call. */
  readonly cors?: CorsSettings;
  /** Connections that wait to be taken. */
  readonly backlog?: number;
  /** Of decoded bodies and answers under way, in each process. */
  readonly bytesInFlight?: number;
  /** How many times its encoded size a decoded body may have. */
  readonly decodeRatioMax?: number;
  readonly tls?: TlsSettings;
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

/** Absolute paths of PEM files. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  /** Callers need a certificate of one of these authorities. */
  readonly clientCa?: string | undefined;
}
