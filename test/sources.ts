/** Reads sources as the compiler does: what each imports, which names it takes from outside, how long its functions are. Texts may be planted. */
import { getTokenPosOfNode, type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';

import { API } from 'typescript/unstable/sync';

export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly lines: number;
  /** As written: static, dynamic and re-exports, types included. */
  readonly imports: readonly string[];
  /** Names that are used and declared nowhere in the file, with the member taken of them: `Math.random`, `Date`, `setTimeout`. */
  readonly globals: readonly string[];
  readonly functions: readonly { readonly name: string; readonly line: number; readonly lines: number }[];
  /** Functions, classes and constants that the file exports, overloads once; types and `export … from` are none. */
  readonly exports: readonly ExportedValue[];
  /** Whether a docstring says at the top what the file is about. */
  readonly isIntroduced: boolean;
}

export interface ExportedValue {
  readonly name: string;
  readonly line: number;
  readonly isDocumented: boolean;
  /** A function or a class. */
  readonly isCallable: boolean;
}

/** The compiler as a service; it is started once and sees nothing but the texts it was given. */
export class SourceReader implements Disposable {
  readonly #files = new Map<string, string>();
  readonly #api = new API({
    cwd: '/',
    fs: {
      readFile: path => this.#files.get(path) ?? null,
      fileExists: path => this.#files.has(path),
      directoryExists: path => path.startsWith('/texts'),
      getAccessibleEntries: () => ({ files: [], directories: [] }),
      realpath: path => path,
    },
  });
  #reads = 0;

  /** `texts` by path. */
  read(texts: Readonly<Record<string, string>>): readonly Source[] {
    const root = `/texts${this.#reads++}`;
    const paths = Object.keys(texts);
    const config = `${root}/tsconfig.json`;
    const compilerOptions = { noResolve: true, noLib: true, types: [], allowImportingTsExtensions: true, noEmit: true };
    this.#files.set(config, JSON.stringify({ compilerOptions, files: paths }));
    for (const path of paths) this.#files.set(`${root}/${path}`, texts[path]!);
    const { program } = this.#api.updateSnapshot({ openProjects: [config] }).getProject(config)!;
    return paths.map(path => sourceOf(path, program.getSourceFile(`${root}/${path}`)!));
  }

  [Symbol.dispose](): void {
    this.#api.close();
  }
}

function sourceOf(path: string, file: SourceFile): Source {
  const imports: string[] = [];
  const functions: Source['functions'][number][] = [];
  const used = new Map<string, Set<string>>();
  const declared = new Set<string>();
  const lineAt = lineIndex(file.text);
  visit(file, (node, parent) => {
    const specifier = importSpecifierOf(node);
    if (specifier !== undefined) imports.push(specifier);
    if (isFunction(node)) {
      const line = lineAt(getTokenPosOfNode(node, file));
      functions.push({ name: nameOf(node, parent), line, lines: lineAt(node.end) - line + 1 });
    }
    if (node.kind !== SyntaxKind.Identifier || !parent) return;
    const { text } = node as Node & { text: string };
    if (isDeclaration(node, parent)) declared.add(text);
    else if (isReference(node, parent)) used.set(text, (used.get(text) ?? new Set()).add(memberOf(node, parent)));
  });
  const globals = [...used].filter(([name]) => !declared.has(name)).flatMap(([name, members]) => [...members].map(member => name + member));
  return {
    ...{ path, imports, globals, functions, exports: exportsOf(file, lineAt) },
    lines: lineAt(file.text.trimEnd().length),
    isIntroduced: file.text.startsWith('/**'),
  };
}

interface Statement extends Node, NamedNode {
  readonly modifiers?: readonly Node[];
  readonly declarationList?: { readonly declarations: readonly (Node & NamedNode & { readonly initializer?: Node })[] };
}

function exportsOf(file: SourceFile, lineAt: (position: number) => number): readonly ExportedValue[] {
  const values = [SyntaxKind.FunctionDeclaration, SyntaxKind.ClassDeclaration, SyntaxKind.VariableStatement];
  const exported = (file.statements as unknown as readonly Statement[]).filter(
    ({ kind, modifiers }) => values.includes(kind) && modifiers?.some(modifier => modifier.kind === SyntaxKind.ExportKeyword),
  );
  const found = exported.map((statement): ExportedValue => {
    const start = getTokenPosOfNode(statement, file);
    const [variable] = statement.declarationList?.declarations ?? [];
    return {
      name: (statement.name ?? variable?.name)?.text ?? '',
      line: lineAt(start),
      isDocumented: /\/\*\*(?!\/)/.test(file.text.slice(statement.pos, start)),
      isCallable: variable === undefined || (variable.initializer !== undefined && isFunction(variable.initializer)),
    };
  });
  const byName = [...Map.groupBy(found, ({ name }) => name).values()];
  return byName.map(overloads => overloads.find(({ isDocumented }) => isDocumented) ?? overloads[0]!);
}

function visit(node: Node, see: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  see(node, parent);
  node.forEachChild(child => {
    visit(child, see, node);
    return undefined;
  });
}

interface NamedNode {
  readonly name?: Node & { readonly text?: string };
}

/** `import … from`, `export … from`, `import('…')`, and `import('…')` in a type. */
function importSpecifierOf(node: Node): string | undefined {
  switch (node.kind) {
    case SyntaxKind.ImportDeclaration:
    case SyntaxKind.ExportDeclaration:
      return textOf((node as Node & { moduleSpecifier?: Node }).moduleSpecifier);
    case SyntaxKind.CallExpression: {
      const { expression, arguments: given } = node as Node & { expression: Node; arguments: readonly Node[] };
      return expression.kind === SyntaxKind.ImportKeyword ? (textOf(given[0]) ?? '(computed)') : undefined;
    }
    case SyntaxKind.ImportType:
      return textOf((node as Node & { argument: Node & { literal?: Node } }).argument.literal);
    default:
      return undefined;
  }
}

const textOf = (node: Node | undefined): string | undefined => (node as (Node & { text?: string }) | undefined)?.text;

const isFunction = ({ kind }: Node): boolean =>
  kind === SyntaxKind.FunctionDeclaration ||
  kind === SyntaxKind.FunctionExpression ||
  kind === SyntaxKind.ArrowFunction ||
  kind === SyntaxKind.MethodDeclaration ||
  kind === SyntaxKind.Constructor ||
  kind === SyntaxKind.GetAccessor ||
  kind === SyntaxKind.SetAccessor;

function nameOf(node: Node, parent: Node | undefined): string {
  if (node.kind === SyntaxKind.Constructor) return 'constructor';
  return (node as Node & NamedNode).name?.text ?? (parent as (Node & NamedNode) | undefined)?.name?.text ?? 'a function without a name';
}

const declarations = new Set<SyntaxKind>([
  SyntaxKind.VariableDeclaration,
  SyntaxKind.Parameter,
  SyntaxKind.BindingElement,
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ClassDeclaration,
  SyntaxKind.ImportClause,
  SyntaxKind.ImportSpecifier,
  SyntaxKind.NamespaceImport,
]);

const isDeclaration = (node: Node, parent: Node): boolean => declarations.has(parent.kind) && (parent as Node & NamedNode).name === node;

/** Names of members, of types and of labels are no references to values. */
function isReference(node: Node, parent: Node): boolean {
  switch (parent.kind) {
    case SyntaxKind.TypeReference:
    case SyntaxKind.QualifiedName:
    case SyntaxKind.ExpressionWithTypeArguments:
    case SyntaxKind.TypePredicate:
    case SyntaxKind.ExportSpecifier:
    case SyntaxKind.ImportSpecifier:
      return false;
    default:
      return (parent as Node & NamedNode).name !== node && (parent as Node & { propertyName?: Node }).propertyName !== node;
  }
}

/** `.random` for the Math of `Math.random()`; '' where no member is taken by its name. */
function memberOf(node: Node, parent: Node): string {
  if (parent.kind !== SyntaxKind.PropertyAccessExpression) return '';
  const { expression, name } = parent as Node & { expression: Node; name: Node & { text: string } };
  return expression === node ? `.${name.text}` : '';
}

function lineIndex(text: string): (position: number) => number {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return position => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= position) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
