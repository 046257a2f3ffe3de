/** One version of the configuration with what is made of it; a request keeps the version that it met. */
import type { GatewayRuntime } from './exchange/contract.ts';
import { createRuntime, type RuntimeDependencies } from './exchange/runtime.ts';
import type { FeatureFlags } from './flags/flags.ts';
import { createTelemetry, type Telemetry } from './observability/telemetry.ts';
import type { Log } from './settings/log.ts';
import type { Settings } from './settings/settings.ts';

export interface ConfigVersion {
  readonly settings: Settings;
  readonly runtime: GatewayRuntime;
  readonly telemetry: Telemetry;
  readonly flags: FeatureFlags | undefined;
}

/** What versions share; `environment` holds the OTEL_* variables. */
export interface SharedParts extends RuntimeDependencies {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly flags: FeatureFlags | undefined;
}

/** The version for these settings. Telemetry stays the same object while its receiver does; a replaced one is closed. */
export function createConfigVersion(settings: Settings, before: ConfigVersion | undefined, shared: SharedParts): ConfigVersion {
  const { environment, log, flags } = shared;
  const { otlp } = settings.telemetry;
  const existing = before?.settings.telemetry.otlp === otlp ? before?.telemetry : undefined;
  if (before && !existing) void before.telemetry.close();
  const { payloads, redact } = settings.recorder;
  // Spans never hold what records redact or leave out.
  const mayHoldContent = payloads === 'full' && redact.length === 0;
  const telemetry = existing ?? createTelemetry({ otlp, environment, mayHoldContent, log });
  return { settings, runtime: createRuntime(settings, shared), telemetry, flags };
}
