/** Tells which targets of a policy share their limits: a request that one of them refuses is not sent to the others. */
import type { RoutePolicy } from '../core/routing/contract.ts';
import { providerOf } from '../core/targets/target-name.ts';
import type { Account, Settings } from '../settings/settings.ts';

/** Other APIs of the same vendors. */
const families: Readonly<Record<string, string>> = {
  azure: 'openai',
  'openai-responses': 'openai',
  vertex: 'gemini',
  dashscope: 'qwen',
};

/** The same policy, with makers where its targets have different ones. */
export function withMakers(policy: RoutePolicy, accounts: Settings['providers']): RoutePolicy {
  if (policy.steps.length < 2) return policy;
  const makers = policy.steps.map(({ target }) => makerOf(accounts.get(providerOf(target)), target));
  if (makers.every(maker => maker === makers[0])) return policy;
  return { ...policy, steps: policy.steps.map((step, i) => ({ ...step, maker: makers[i]! })) };
}

/** Another server than the vendor's has limits of its own. */
function makerOf(account: Account | undefined, target: string): string {
  if (!account) return providerOf(target);
  const { name, baseUrl, provider } = account;
  const isVendor = baseUrl === provider.baseUrl || provider.account !== undefined;
  return isVendor ? (families[provider.name] ?? provider.name) : name;
}
