/** The parameters that a Gemini model accepts, by its name. */

export interface ModelTraits {
  /** `budget`: `thinkingBudget`; `level`: `thinkingLevel`, beside which a budget is still accepted. */
  readonly thinking: 'none' | 'budget' | 'level';
  /** The accepted levels, ascending. */
  readonly levels: readonly ThinkingLevel[];
  /** Minimum and maximum of `thinkingBudget`. */
  readonly budgetMin: number;
  readonly budgetMax: number;
  /** A budget of 0 disables thinking. */
  readonly canStopThinking: boolean;
  /** Gemini 3 and later: a response schema beside tools, media in tool results, and a signature on each turn's first call. */
  readonly isGemini3: boolean;
}

export type ThinkingLevel = 'minimal' | 'low' | 'medium' | 'high';

const none: ModelTraits = { thinking: 'none', levels: [], budgetMin: 0, budgetMax: 0, canStopThinking: true, isGemini3: false };

/**
 * Sources: ai.google.dev, thinking and thought signatures (October 2026), and public error responses. A name without a version is an alias
 * of the latest.
 */
export function traitsOf(model: string): ModelTraits {
  if (!model.includes('gemini')) return none;
  const found = /gemini-(?:[a-z]+-)?(\d+(?:\.\d+)?)/.exec(model);
  const version = found ? Number(found[1]) : Number.POSITIVE_INFINITY;
  if (version < 2.5) return none;
  if (version < 3) {
    if (model.includes('pro')) return { ...none, thinking: 'budget', budgetMin: 128, budgetMax: 32_768, canStopThinking: false };
    return { ...none, thinking: 'budget', budgetMin: model.includes('lite') ? 512 : 1, budgetMax: 24_576 };
  }
  return { thinking: 'level', levels: levelsOf(model, version), budgetMin: 1, budgetMax: 32_768, canStopThinking: false, isGemini3: true };
}

function levelsOf(model: string, version: number): readonly ThinkingLevel[] {
  if (model.includes('flash') && version < 3.7) return ['minimal', 'low', 'medium', 'high'];
  return model.includes('pro') && version < 3.1 ? ['low', 'high'] : ['low', 'medium', 'high'];
}
