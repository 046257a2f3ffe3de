/** What answers when no file names a provider: those whose keys are in the environment, or else the simulated one. */
import { providers } from '../../providers/index.ts';
import { pathId } from '../problem.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface DetectedProviders {
  readonly providers: Readonly<Record<string, Record<string, unknown>>>;
  /** Only for the simulated provider: something to ask for by name. */
  readonly routes: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, readonly string[]>;
}

export function detectProviders(environment: Environment): DetectedProviders {
  const found: Record<string, Record<string, unknown>> = {};
  const origins = new Map<string, readonly string[]>();
  for (const [api, provider] of Object.entries(providers)) {
    const variable = provider.environment.find(name => environment[name]?.trim());
    if (variable === undefined) continue;
    found[api] = { api, key: environment[variable]!.trim() };
    origins.set(pathId(['providers', api, 'key']), [variable]);
  }
  if (Object.keys(found).length > 0) return { providers: found, routes: {}, origins };
  return { providers: { sim: { api: 'simulated' } }, routes: { smart: simulatedRoute }, origins };
}

const simulatedRoute = { steps: [{ target: 'sim/small', accept: { confidence: 0.74 } }, { target: 'sim/large' }] };
