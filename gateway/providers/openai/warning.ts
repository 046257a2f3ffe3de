/** Says what of a request the chat completions format cannot carry. */
import type { Warning } from '../../core/provider.ts';

export const dropped = (field: string, detail: string): Warning => ({ type: 'dropped', field, detail });
export const approximated = (field: string, detail: string): Warning => ({ type: 'approximated', field, detail });
