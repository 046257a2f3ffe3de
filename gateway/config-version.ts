/** One version of the configuration with the objects built from it. A request keeps its version until it ends. */
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

/** The parts that all versions share; `environment` holds the OTEL_* variables. */
export interface SharedParts extends RuntimeDependencies {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly flags: FeatureFlags | undefined;
}

/** The version for these settings. Telemetry is reused while the receiver stays the same; a replaced one is closed. */
export function createConfigVersion(settings: Settings, previous: ConfigVersion | undefined, shared: SharedParts): ConfigVersion {
  const { environment, log, flags } = shared;
  const { otlp } = settings.telemetry;
  const existing = previous?.settings.telemetry.otlp === otlp ? previous?.telemetry : undefined;
  if (previous && !existing) void previous.telemetry.close();
  const { payloads, redact } = settings.recorder;
  // Spans never contain what records redact or omit.
  const mayHoldContent = payloads === 'full' && redact.length === 0;
  const telemetry = existing ?? createTelemetry({ otlp, environment, mayHoldContent, log });
  return { settings, runtime: createRuntime(settings, shared), telemetry, flags };
}
