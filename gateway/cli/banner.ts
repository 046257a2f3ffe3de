/** The banner of `hindcast serve`: URL, providers, routes, store, config and an example request. */
import { relative } from 'node:path';
import { configSummary } from '../config/summary.ts';
import { isLoopbackHost } from '../http/guard.ts';
import type { Settings } from '../settings/settings.ts';
import { version } from '../settings/version.ts';

/** A cheap model per wire format, for the example request. */
const exampleModels: Readonly<Record<string, string>> = {
  simulated: 'small',
  openai: 'gpt-5-mini',
  anthropic: 'claude-haiku-4-5',
  gemini: 'gemini-2.5-flash',
};

/** The banner's first line, with version and URL. */
export const listeningLine = (url: string): string => `Hindcast ${version()} listens on ${url}`;

/** The banner as printed, without secrets. */
export function banner(settings: Settings, url: string, storeUrl: string): string {
  const { store, keys, server } = settings;
  const { providers, file, hash } = configSummary(settings);
  const providerList = providers.map(
    ({ name, api, keys }) => `${name} (${api === 'simulated' ? 'simulated' : keys.join(', ') || 'no key'})`,
  );
  const callers = isLoopbackHost(server.host) ? 'no key needed, from this machine only' : 'no key needed';
  const lines: readonly (readonly [string, string])[] = [
    ['providers', providerList.join(', ') || 'none: set OPENAI_API_KEY or another key, or add providers to hindcast.yaml'],
    ['routes', [...settings.routes.keys()].join(', ') || 'none: use provider/model as model'],
    ['records', `${relative(process.cwd(), store.path) || '.'}, query them at ${storeUrl}`],
    ['config', `${file === null ? 'no file, providers from the environment' : relative(process.cwd(), file)}, hash ${hash}`],
    ['callers', keys.size === 0 ? callers : `${keys.size} ${keys.size === 1 ? 'key' : 'keys'}`],
  ];
  return [...lines.map(([name, value]) => `  ${name.padEnd(11)}${value}`), '', ...exampleCall(settings, url, storeUrl), ''].join('\n');
}

function exampleCall(settings: Settings, url: string, storeUrl: string): readonly string[] {
  const account = settings.providers.values().next().value;
  const model = settings.routes.keys().next().value ?? (account && `${account.name}/${exampleModels[account.provider.name] ?? 'MODEL'}`);
  if (model === undefined) return [];
  const key = settings.keys.size > 0 ? ['    -H "authorization: Bearer $HINDCAST_KEY" \\'] : [];
  return [
    'Try:',
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json' \\`,
    ...key,
    `    -d '${JSON.stringify({ model, messages: [{ role: 'user', content: 'Say hello' }] })}'`,
    ...(settings.store.url === 'embedded'
      ? [`  curl ${storeUrl}${readerOption(settings)} -d 'SELECT ts, route, model, outcome, latency_ms FROM requests ORDER BY ts DESC'`]
      : []),
  ];
}

/** What a reader of the store must send: nothing without keys, a password of the configuration, or the folder's own. */
function readerOption({ keys, store }: Settings): string {
  if (store.password) return ' -u "default:$STORE_PASSWORD"';
  return keys.size > 0 ? ` -u "default:$(cat ${relative(process.cwd(), store.path) || '.'}/reader.key)"` : '';
}
