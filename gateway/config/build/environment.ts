/** Providers when the config names none: those with an API key in the environment, else the simulated provider. */
import { providers } from '../../providers/index.ts';
import { pathId } from '../problem.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface DetectedProviders {
  readonly providers: Readonly<Record<string, Record<string, unknown>>>;
  /** `smart`, so that a first request and a client's model picker find a name; none for providers without default models. */
  readonly routes: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, readonly string[]>;
}

/** The detected providers with their routes, and the variable of each key. */
export function detectProviders(environment: Environment): DetectedProviders {
  const found: Record<string, Record<string, unknown>> = {};
  const origins = new Map<string, readonly string[]>();
  for (const [api, provider] of Object.entries(providers)) {
    const variable = provider.environment.find(name => environment[name]?.trim());
    if (variable === undefined) continue;
    found[api] = { api, key: environment[variable]!.trim() };
    origins.set(pathId(['providers', api, 'key']), [variable]);
  }
  if (Object.keys(found).length > 0) {
    const steps = Object.keys(found).flatMap(api => defaultSteps[api] ?? []);
    return { providers: found, routes: steps.length > 0 ? { smart: { steps } } : {}, origins };
  }
  return { providers: { sim: { api: 'simulated' } }, routes: { smart: simulatedRoute }, origins };
}

/** A cheap model that reports log-probabilities escalates when it is unsure; the other providers are fallbacks. */
const defaultSteps: Readonly<Record<string, readonly object[]>> = {
  openai: [{ target: 'openai/gpt-4.1-mini', accept: { confidence: 0.74 } }, { target: 'openai/gpt-5' }],
  anthropic: [{ target: 'anthropic/claude-haiku-4-5' }],
  gemini: [{ target: 'gemini/gemini-2.5-flash' }],
};

const simulatedRoute = { steps: [{ target: 'sim/small', accept: { confidence: 0.74 } }, { target: 'sim/large' }] };
