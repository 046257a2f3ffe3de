/** The text of a first configuration. Pure. */

/** What `hindcast init` was told. */
export interface InitAnswers {
  /** Names of `initialProviders`; [] is the simulated provider. */
  readonly providers: readonly string[];
  /** `embedded`, or the URL of a ClickHouse server. */
  readonly store: string;
  /** Other machines may call: the gateway then listens on all addresses and needs this key, as `sha256:…`. */
  readonly keyHash: string | undefined;
}

interface InitialProvider {
  readonly name: string;
  readonly variable: string;
  /** YAML of the steps that the route `smart` gets. */
  readonly steps: readonly string[];
}

/** Providers with a model for the first route. Only OpenAI's chat models report the log probabilities that a confidence needs. */
export const initialProviders: readonly InitialProvider[] = [
  {
    name: 'openai',
    variable: 'OPENAI_API_KEY',
    steps: ['{ target: openai/gpt-4.1-mini, accept: { confidence: 0.74 } }   # answers when it is sure enough', '{ target: openai/gpt-5 }'],
  },
  { name: 'anthropic', variable: 'ANTHROPIC_API_KEY', steps: ['{ target: anthropic/claude-haiku-4-5 }'] },
  { name: 'gemini', variable: 'GEMINI_API_KEY', steps: ['{ target: gemini/gemini-2.5-flash }'] },
  { name: 'mistral', variable: 'MISTRAL_API_KEY', steps: ['{ target: mistral/mistral-small-latest }'] },
  { name: 'groq', variable: 'GROQ_API_KEY', steps: ['{ target: groq/llama-3.3-70b-versatile }'] },
  { name: 'deepseek', variable: 'DEEPSEEK_API_KEY', steps: ['{ target: deepseek/deepseek-chat }'] },
  { name: 'openrouter', variable: 'OPENROUTER_API_KEY', steps: ['{ target: openrouter/anthropic/claude-haiku-4.5 }'] },
];

const simulated = ['{ target: sim/small, accept: { confidence: 0.74 } }   # answers when it is sure enough', '{ target: sim/large }'];

/** The YAML of `hindcast.yaml`. Secrets are variables; the store's password is `${STORE_PASSWORD}` where there is a server. */
export function initialConfig({ providers, store, keyHash }: InitAnswers): string {
  const chosen = initialProviders.filter(({ name }) => providers.includes(name));
  const entries = chosen.map(({ name, variable }) => `  ${name}: { api: ${name}, key: "\${${variable}}" }`);
  const steps = chosen.flatMap(provider => provider.steps);
  return [
    '# Written by `hindcast init`. `hindcast config check` checks it; docs/configuration.md has every key.',
    ...(keyHash === undefined ? [] : ['server: { host: 0.0.0.0 }']),
    ...(store === 'embedded' ? [] : [`store: { url: ${JSON.stringify(store)}, username: hindcast, password: "\${STORE_PASSWORD}" }`]),
    'providers:',
    ...(entries.length > 0 ? entries : ['  sim: { api: simulated }']),
    'routes:',
    '  smart:',
    '    steps:',
    ...(steps.length > 0 ? steps : simulated).map(step => `      - ${step}`),
    ...(keyHash === undefined ? [] : ['keys:', `  - { name: first, hash: "${keyHash}" }`]),
    '',
  ].join('\n');
}

/** The variables that the configuration needs and the environment lacks. */
export function missingVariables(
  { providers, store }: InitAnswers,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const needed = [
    ...initialProviders.filter(({ name }) => providers.includes(name)).map(({ variable }) => variable),
    ...(store === 'embedded' ? [] : ['STORE_PASSWORD']),
  ];
  return needed.filter(name => !environment[name]);
}
