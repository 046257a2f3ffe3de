/** The tokens of a response, cut at the caller's limits. */
import type { TokenLogprob } from '../../core/chat/chat.ts';

/** One token: of the text, of a call's arguments, or the start of a call. */
export type TokenPiece =
  | { readonly type: 'text' | 'arguments'; readonly text: string; readonly logprob?: TokenLogprob }
  | { readonly type: 'call'; readonly id: string; readonly name: string };

export interface GeneratedChoice {
  readonly pieces: readonly TokenPiece[];
  readonly finish: 'stop' | 'length' | 'tool_calls';
}

export function applyLimits(generated: readonly TokenPiece[], tokensMax: number | undefined, stop: readonly string[]): GeneratedChoice {
  const allowed = tokensMax === undefined ? generated : generated.slice(0, tokensMax);
  const stopped = cutAtStop(allowed, stop);
  if (stopped) return { pieces: stopped, finish: 'stop' };
  if (allowed.length < generated.length) return { pieces: allowed, finish: 'length' };
  return { pieces: generated, finish: generated[0]?.type === 'call' ? 'tool_calls' : 'stop' };
}

/** The text before the first stop sequence in it; undefined when there is none. */
function cutAtStop(pieces: readonly TokenPiece[], stop: readonly string[]): readonly TokenPiece[] | undefined {
  if (stop.length === 0 || pieces[0]?.type !== 'text') return undefined;
  const fullText = pieces.map(piece => (piece.type === 'text' ? piece.text : '')).join('');
  const ends = stop.map(sequence => fullText.indexOf(sequence)).filter(at => at >= 0);
  if (ends.length === 0) return undefined;
  const kept: TokenPiece[] = [];
  let left = Math.min(...ends);
  for (const piece of pieces) {
    if (piece.type !== 'text' || left <= 0) break;
    kept.push({ ...piece, text: piece.text.slice(0, left) });
    left -= piece.text.length;
  }
  return kept;
}
