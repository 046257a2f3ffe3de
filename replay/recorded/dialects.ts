/** The wire formats that callers were recorded in, and the providers that can read an answer in them. */
import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import { callerFormatNamed } from '../../gateway/dialects/index.ts';
import { providers } from '../../gateway/providers/index.ts';

/** By the name on the record; undefined for one that this version does not read. */
export const dialectOf = (name: string): CallerFormat | undefined => callerFormatNamed(name);

/** An answer in a caller's wire format is read by the provider that speaks it. */
export function wireProviderOf(dialect: string): Provider | undefined {
  const wire = dialectOf(dialect)?.wire;
  return wire === undefined ? undefined : Object.values(providers).find(provider => provider.wire === wire);
}
