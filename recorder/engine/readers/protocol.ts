/** Messages between the engine, its readers' planner and its readers' thread. Everything is plain data. */
import type { EngineException } from '../session/exception.ts';

/** A table or view as the engine would create it. */
export interface TableDefinition {
  readonly name: string;
  readonly sql: string;
}

/** A reader's statement and all that its planning depends on. */
export interface PlanRequest {
  readonly text: string;
  readonly database: 'default' | 'system';
  /** By name: `param_x`. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** SET and USE statements of the session it will run in. */
  readonly setup: string;
}

/** A reader's statement that may run, and whose planning ends soon. */
export interface PlannedStatement {
  /** As the engine writes it. */
  readonly sql: string;
  /** The syntax tree's first node. */
  readonly rootKind: string;
  /** Of a SELECT's FORMAT clause. */
  readonly format: string | undefined;
  /** Whether it is planned so quickly, and computes so little then, that it can be started where other readers are waiting. */
  readonly streams: boolean;
}

export interface PlainException {
  readonly code: number;
  readonly codeName: string;
  readonly message: string;
}

export const plainException = ({ code, codeName, message }: EngineException): PlainException => ({ code, codeName, message });

export type ToPlanner =
  | { readonly type: 'start'; readonly path: string }
  | { readonly type: 'schema'; readonly tables: readonly TableDefinition[] }
  | { readonly type: 'plan'; readonly id: number; readonly request: PlanRequest };

export type FromPlanner =
  | { readonly type: 'ready' }
  | { readonly type: 'planned'; readonly id: number; readonly statement: PlannedStatement }
  | { readonly type: 'failed'; readonly id: number; readonly exception: PlainException };

export type ToReaderThread =
  | {
      readonly type: 'start';
      readonly id: number;
      readonly setup: string;
      readonly sql: string;
      readonly format: string;
      readonly streams: boolean;
      /** The same values are not used again. */
      readonly keepSession: boolean;
    }
  | { readonly type: 'next' | 'kill' | 'end'; readonly id: number }
  | { readonly type: 'close' };

export type FromReaderThread =
  | { readonly type: 'started'; readonly id: number }
  | { readonly type: 'rows'; readonly id: number; readonly rows: ResultRows | undefined }
  | { readonly type: 'failed'; readonly id: number; readonly exception: PlainException }
  | { readonly type: 'closed' };

/** Part of a result, or all of it. */
export interface ResultRows {
  readonly bytes: Uint8Array;
  readonly readRows?: number;
  readonly readBytes?: number;
}
