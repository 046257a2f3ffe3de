/** The callers' wire formats of records, and the providers that parse responses in them. */
import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import { callerFormatNamed } from '../../gateway/dialects/index.ts';
import { providers } from '../../gateway/providers/index.ts';

/** The format by its name in the record; undefined for one that this version does not support. */
export const dialectOf = (name: string): CallerFormat | undefined => callerFormatNamed(name);

/** The provider with the caller's wire format, which parses responses in it. */
export function wireProviderOf(dialect: string): Provider | undefined {
  const wire = dialectOf(dialect)?.wire;
  return wire === undefined ? undefined : Object.values(providers).find(provider => provider.wire === wire);
}
