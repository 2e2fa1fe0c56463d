// What runtime 1 refuses in a contract (RUNTIME §2), each with its place and what to write instead.

import {
  type AnyNode,
  assignedNodes,
  boundNames,
  children,
  hoistedNames,
  isFunction,
  keyedChildren,
  type Program
} from './contract-tree.ts'
import { parseRegExp, RegExpRefused } from './regexp-syntax.ts'

/** Every global of runtime 1. The runtime gives exactly these; a test compares. */
export const GLOBAL_NAMES: readonly string[] = [
  ...['System', 'console', 'Array', 'Boolean', 'Date', 'JSON', 'Map', 'Math', 'Number', 'Object'],
  ...['Promise', 'Reflect', 'RegExp', 'Set', 'String', 'Symbol', 'WeakMap', 'WeakSet'],
  ...['ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array'],
  ...['Uint16Array', 'Int32Array', 'Uint32Array'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError'],
  ...['TypeError', 'URIError', 'Infinity', 'NaN', 'undefined', 'isFinite', 'isNaN', 'parseFloat'],
  ...['parseInt', 'encodeURIComponent', 'decodeURIComponent', 'encodeURI', 'decodeURI']
]
/** What the factory of a contract brings besides the globals. */
const MODULE_NAMES = ['module', 'exports']
export const RESERVED_PREFIX = '$vms'

const INSTEAD: Record<string, string> = {
  eval: 'write the code out',
  Function: 'write the function out',
  require: 'put everything into this one file',
  process: 'use System',
  BigInt: 'use numbers',
  Float32Array: 'use an array',
  Float64Array: 'use an array',
  setTimeout: 'compare System.now() with a stored time',
  setInterval: 'compare System.now() with a stored time',
  fetch: 'pass what you need in the arguments of the call',
  crypto: 'use System.crypto',
  Proxy: 'use plain objects',
  globalThis: 'name what you need'
}

/** One thing a contract may not do. Line and column begin at 1. `instead` says what to write. */
export interface Problem {
  line: number
  column: number
  reason: string
  instead: string
}

interface Scope {
  names: Set<string>
  parent: Scope | null
  functions: number
}

export interface Checked {
  problems: Problem[]
  methods: string[]
  /** Globals that the contract uses. */
  free: Set<string>
}

export function checkTree(tree: Program): Checked {
  const checker = new Checker()
  checker.visit(tree, { names: new Set(), parent: null, functions: 0 })
  return { problems: checker.problems, methods: exportedNames(tree), free: checker.free }
}

/** Where the tree first goes deeper than `max` nodes; null where it never does. */
export function deepestNode(tree: Program, max: number): { line: number; column: number } | null {
  let level: AnyNode[] = [tree as AnyNode]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > max) return level[0]!.loc!.start
    level = level.flatMap(children)
  }
  return null
}

class Checker {
  problems: Problem[] = []
  free: Set<string> = new Set()
  readonly #whole = new WeakSet<AnyNode>()

  visit(node: AnyNode, scope: Scope): void {
    this.#refuseNode(node, scope)
    if (isFunction(node)) this.#visitFunction(node, scope)
    else if (node.type === 'Identifier') this.#visitName(node, scope)
    else {
      const inner = scopeOf(node, scope)
      for (const [key, child] of keyedChildren(node)) {
        if (isBareName(node, key) && child.type !== 'Literal') this.#refuseName(child)
        else this.visit(child, inner)
      }
    }
  }

  #visitFunction(node: AnyNode, scope: Scope): void {
    const names = new Set<string>()
    for (const param of node.params) boundNames(param, names)
    if (node.type === 'FunctionExpression' && node.id) names.add(node.id.name)
    if (node.type !== 'ArrowFunctionExpression') names.add('arguments')
    hoistedNames(node.body, names)
    const inner = { names, parent: scope, functions: scope.functions + 1 }
    if (node.id) this.#refuseName(node.id)
    if (node.generator && !node.params.every((p: AnyNode) => p.type === 'Identifier')) {
      this.#refuse(
        node,
        'a generator with other than plain parameters',
        'take them apart in its body'
      )
    }
    for (const param of node.params) this.visit(param, inner)
    this.visit(node.body, inner)
  }

  #visitName(node: AnyNode, scope: Scope): void {
    this.#refuseName(node)
    const name: string = node.name
    if (lookup(name, scope) || MODULE_NAMES.includes(name)) return
    if (name === 'arguments') this.#refuse(node, 'arguments at top level', 'leave it out')
    else if (GLOBAL_NAMES.includes(name)) this.free.add(name)
    else this.#refuse(node, `${name} does not exist in runtime 1`, INSTEAD[name] ?? 'define it')
  }

  #refuseName(node: AnyNode): void {
    const name: string = node.name ?? ''
    if (name.startsWith(RESERVED_PREFIX)) this.#refuse(node, `${name} is reserved`, 'rename it')
    if (!/^[\w$]*$/.test(name)) {
      this.#refuse(node, 'a name outside ASCII', 'rename it, or write it as a string')
    }
    if (node.type !== 'PrivateIdentifier' && /^(eval|import)$/.test(name)) {
      this.#refuse(node, `${name} is not in runtime 1`, INSTEAD[name] ?? 'rename it')
    }
  }

  #refuseNode(node: AnyNode, scope: Scope): void {
    const refusal = REFUSED[node.type]?.(node, scope)
    if (refusal) this.#refuse(node, ...refusal)
    if (node.type === 'Literal' && 'regex' in node) this.#checkRegExp(node)
    if (/^Class/.test(node.type) && node.superClass) this.#checkReturns(node.body as AnyNode)
    for (const target of assignedNodes(node)) this.#refuseAssignment(target, scope)
    this.#checkRest(node)
  }

  // Only where the whole of what is taken apart can be charged for.
  #checkRest(node: AnyNode): void {
    if (node.type === 'VariableDeclarator' && node.init) this.#whole.add(node.id as AnyNode)
    if (node.type === 'AssignmentExpression' && node.left.type === 'ObjectPattern') {
      this.#whole.add(node.left as AnyNode)
    }
    if (isFunction(node)) {
      for (const param of node.params as AnyNode[]) {
        const pattern = param.type === 'AssignmentPattern' ? (param.left as AnyNode) : param
        if (pattern.type === 'ObjectPattern') this.#whole.add(pattern)
      }
    }
    if (!/^(Array|Object)Pattern$/.test(node.type) || this.#whole.has(node)) return
    const parts: (AnyNode | null)[] = node.elements ?? node.properties
    if (parts.some(part => part?.type === 'RestElement')) {
      this.#refuse(node, 'a rest element inside another pattern', 'take it apart in two steps')
    }
  }

  // Engines differ in whether super may still be called by a finally, or by an iterator that is closed, after such a return.
  #checkReturns({ body }: AnyNode): void {
    const made = (body as AnyNode[]).find(({ kind }) => kind === 'constructor')
    for (const node of made ? guardedReturns((made.value as AnyNode).body as AnyNode, false) : []) {
      this.#refuse(
        node,
        'return inside try or for … of in the constructor of a class that extends another',
        'return after it'
      )
    }
  }

  #checkRegExp(node: AnyNode): void {
    const { pattern, flags } = node.regex
    try {
      parseRegExp(pattern, flags)
    } catch (error) {
      if (!(error instanceof RegExpRefused)) throw error
      const { line, column } = node.loc!.start
      const { at, reason, instead } = error
      this.problems.push({ line, column: column + 2 + at, reason, instead })
    }
  }

  #refuseAssignment(target: AnyNode, scope: Scope): void {
    if (target.type !== 'Identifier') return
    const found = lookup(target.name, scope)
    if (!found) {
      const instead = target.name === 'exports' ? 'use module.exports =' : 'declare it'
      this.#refuse(target, `assigns ${target.name}, which is not declared`, instead)
    } else if (found.functions === 0 && scope.functions > 0) {
      this.#refuse(
        target,
        `reassigns ${target.name} of the module inside a function, and every call begins with a fresh module`,
        'keep it in System.files'
      )
    }
  }

  #refuse(node: AnyNode, reason: string, instead: string): void {
    const { line, column } = node.loc!.start
    this.problems.push({ line, column: column + 1, reason, instead })
  }
}

type Refusal = (node: AnyNode, scope: Scope) => [string, string] | null

const NO_MODULES: Refusal = () => ['import and export', 'put everything into this one file']
const POWER: [string, string] = ['** differs between engines', 'multiply, in a loop if need be']

const REFUSED: Record<string, Refusal> = {
  ImportDeclaration: NO_MODULES,
  ImportExpression: NO_MODULES,
  ExportAllDeclaration: NO_MODULES,
  ExportDefaultDeclaration: () => ['import and export', 'use module.exports = …'],
  ExportNamedDeclaration: () => ['import and export', 'use exports.name = …'],
  MetaProperty: node => (node.meta.name === 'import' ? ['import.meta', 'leave it out'] : null),
  VariableDeclaration: (node, scope) => (node.kind === 'var' ? null : redeclared(node, scope)),
  ClassDeclaration: (node, scope) => redeclared(node, scope),
  MemberExpression: (node, scope) =>
    node.object.type === 'Super' && node.computed && !isPrimitive(node.property as AnyNode, scope)
      ? ['super[…] of anything but a text', 'write super.name, or super[`${key}`]']
      : null,
  WithStatement: () => ['with', 'name the object'],
  DebuggerStatement: () => ['debugger', 'leave it out'],
  TaggedTemplateExpression: () => ['a tagged template', 'call the function'],
  Literal: node => {
    return node.bigint === undefined ? null : ['BigInt', 'use numbers']
  },
  BinaryExpression: node => (node.operator === '**' ? POWER : null),
  AssignmentExpression: node => (node.operator === '**=' ? POWER : null),
  AwaitExpression: (_, scope) =>
    scope.functions === 0 ? ['await at top level', 'await inside a function'] : null,
  ForOfStatement: (node, scope) =>
    node.await && scope.functions === 0 ? ['await at top level', 'await inside a function'] : null
}

// Engines differ in what super is when the key is an object that changes it on being asked for its text.
function isPrimitive(node: AnyNode, scope: Scope): boolean {
  if (/^(Literal|TemplateLiteral|BinaryExpression)$/.test(node.type)) return true
  const { object, computed } = node as any
  return object?.name === 'Symbol' && !computed && lookup('Symbol', scope) === null
}

function guardedReturns(node: AnyNode, isGuarded: boolean): AnyNode[] {
  if (isFunction(node) || node.type === 'ClassBody') return []
  if (node.type === 'ReturnStatement') return isGuarded ? [node] : []
  const guards = isGuarded || node.type === 'TryStatement' || node.type === 'ForOfStatement'
  return children(node).flatMap(child => guardedReturns(child, guards))
}

function scopeOf(node: AnyNode, parent: Scope): Scope {
  const names = new Set<string>()
  if (node.type === 'Program') {
    hoistedNames(node, names)
    declaredNames(node.body, names)
    return { names, parent, functions: 0 }
  }
  if (node.type === 'StaticBlock' || node.type === 'PropertyDefinition') {
    if (node.type === 'StaticBlock') {
      for (const statement of node.body) hoistedNames(statement, names)
      declaredNames(node.body, names)
    }
    return { names, parent, functions: parent.functions + 1 }
  }
  if (node.type === 'BlockStatement') declaredNames(node.body, names)
  else if (node.type === 'SwitchStatement') {
    for (const branch of node.cases) declaredNames(branch.consequent as AnyNode[], names)
  } else if (node.type === 'CatchClause' && node.param) boundNames(node.param as AnyNode, names)
  else if (node.type === 'ClassExpression' && node.id) names.add(node.id.name)
  else if (node.type === 'ForStatement') declaredNames(node.init ? [node.init] : [], names)
  else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement') {
    declaredNames([node.left as AnyNode], names)
  } else return parent
  return { names, parent, functions: parent.functions }
}

// let, const, class and function declarations that belong to the block of these statements.
function declaredNames(statements: AnyNode[], into: Set<string>): void {
  for (const statement of statements) {
    if (statement.type === 'VariableDeclaration') {
      for (const declarator of statement.declarations) boundNames(declarator.id as AnyNode, into)
    } else if (/^(Class|Function)Declaration$/.test(statement.type)) into.add(statement.id.name)
  }
}

// A var or a function may have the name of a parameter, and these are parameters of the factory.
function redeclared(node: AnyNode, scope: Scope): [string, string] | null {
  if (scope.parent?.parent !== null) return null
  const names = new Set<string>()
  declaredNames([node], names)
  const name = MODULE_NAMES.find(name => names.has(name))
  return name ? [`declares ${name}, which is there already`, 'give it another name'] : null
}

function lookup(name: string, scope: Scope | null): Scope | null {
  for (let at = scope; at; at = at.parent) if (at.names.has(name)) return at
  return null
}

// Identifiers that name a property or a label and so refer to no binding.
function isBareName(node: AnyNode, key: string): boolean {
  switch (node.type) {
    case 'MemberExpression':
      return key === 'property' && !node.computed
    case 'Property':
      return key === 'key' && !node.computed
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return key === 'key' && !node.computed
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return key === 'label'
    case 'MetaProperty':
      return true
    default:
      return false
  }
}

function exportedNames(tree: Program): string[] {
  const names = new Set<string>()
  for (const statement of tree.body) {
    let node = (statement as AnyNode).expression
    for (; node?.type === 'AssignmentExpression'; node = node.right) {
      if (isMember(node.left, 'module', 'exports')) {
        names.clear()
        if (node.right.type === 'ObjectExpression') {
          for (const property of node.right.properties) {
            const name = property.computed ? null : (property.key?.name ?? property.key?.value)
            if (typeof name === 'string') names.add(name)
          }
        }
      } else {
        const { object, property, computed } = node.left
        const ofExports = object?.name === 'exports' || isMember(object, 'module', 'exports')
        const name = computed ? property.value : property?.name
        if (ofExports && typeof name === 'string') names.add(name)
      }
    }
  }
  return [...names]
}

function isMember(node: AnyNode | undefined, object: string, property: string): boolean {
  return node?.object?.name === object && node.property?.name === property && !node.computed
}
