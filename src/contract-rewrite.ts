// Makes a checked contract meterable (RUNTIME §5): gas at functions, loops and resumptions, a depth count that is right
// after every await, catch clauses that normalise and never swallow an abort. `$vms` is the meter of the runtime.

import {
  type AnyNode,
  assignedNodes,
  boundNames,
  children,
  hoistedNames,
  isFunction,
  isNode,
  type Program
} from './contract-tree.ts'
import { DEPTH_MAX, JOINED_CHARS_FREE } from './runtime-gas.ts'

/** So many nodes in a row cost one gas more: else a long body would cost as little as an empty one. */
const NODES_A_GAS = 128
/** So many fields that begin as plain values cost one gas more. */
const FIELDS_A_GAS = 8

/** Methods of the meter. */
const COMPARISONS: Readonly<Record<string, string>> = {
  '===': 'eq',
  '!==': 'ne',
  '==': 'like',
  '!=': 'unlike',
  '<': 'lt',
  '>': 'gt',
  '<=': 'le',
  '>=': 'ge'
}

// Text that astring prints as it stands: names hold no spaces, so no contract can write these itself.
const LEAVE = statement('--$vms.d')

/** Spells every literal so that the printed text is ASCII, has no directives and nothing that SES refuses by pattern. */
export function normaliseLiterals(node: AnyNode): void {
  if (Array.isArray(node.body)) node.body = node.body.filter(isNoBareText)
  if (node.type === 'Literal') {
    if (typeof node.value === 'string') node.raw = quoted(node.value)
    else if (typeof node.value === 'number') node.raw = numeral(node.value)
  } else if (node.type === 'TemplateElement') {
    const text = quoted(node.value.cooked ?? '').slice(1, -1)
    node.value.raw = text.replaceAll('`', '\\`').replaceAll('${', '\\${')
  }
  for (const child of children(node)) normaliseLiterals(child)
}

/** Rewrites the tree in place and gives it back. */
export function rewriteTree(tree: Program): Program {
  rewriteChildren(tree as AnyNode)
  return tree
}

function rewriteChildren(node: AnyNode): void {
  for (const key of Object.keys(node)) {
    const value = node[key]
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        if (isNode(value[i])) value[i] = rewrite(value[i], node)
      }
    } else if (key !== 'loc' && isNode(value)) node[key] = rewrite(value, node)
  }
}

function rewrite(node: AnyNode, parent: AnyNode): AnyNode {
  // Names that are bound matter to the rewriting, so they are taken before the children change.
  if (isFunction(node)) return rewriteFunction(node, parent)
  const weight = isLoop(node) ? weightOf(node) : 1
  guardTargets(node)
  rewriteChildren(node)
  switch (node.type) {
    case 'ForInStatement':
      node.right = meterCall('o', node.right as AnyNode) as any
      node.body = block([tick(weight), node.body]) as any
      return node
    case 'ForStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      node.body = block([tick(weight), node.body]) as any
      if (node.await) node.right = meterCall('i', node.right as AnyNode) as any
      return node
    case 'Literal':
      return 'regex' in node ? rewriteRegExp(node) : node
    case 'BinaryExpression':
      return rewriteBinary(node)
    case 'AssignmentExpression':
      return rewriteAssignment(node)
    case 'NewExpression':
    case 'CallExpression':
      return rewriteListOfSize(node)
    case 'VariableDeclarator':
      if (node.init) node.init = walked(node.id as AnyNode, node.init as AnyNode) as any
      return node
    case 'TemplateLiteral':
      return node.expressions.length > 0 ? meterCall('j', node) : node
    case 'AwaitExpression':
    case 'YieldExpression':
      return meterCall('r', node)
    case 'SpreadElement':
      node.argument = meterCall(spreadKind(parent), node.argument as AnyNode) as any
      return node
    case 'SwitchStatement':
      return rewriteSwitch(node)
    case 'CatchClause':
      return rewriteCatch(node)
    case 'TryStatement':
      return rewriteTry(node)
    case 'ClassDeclaration':
    case 'ClassExpression':
      if (node.superClass) node.superClass = meterCall('k', node.superClass as AnyNode) as any
      return node
    case 'ClassBody':
      return rewriteClass(node, parent)
    case 'Property':
      if (isPrototype(node, parent)) node.value = meterCall('e', node.value as AnyNode) as any
      return node
    case 'PropertyDefinition':
      return rewriteField(node)
    default:
      return node
  }
}

// An async function becomes a plain one that enters, starts an async arrow with the same body, and leaves: after an
// await the arrow goes on at base depth. Parameters that can run code move to an inner arrow, behind the entry.
function rewriteFunction(node: AnyNode, parent: AnyNode): AnyNode {
  const params: AnyNode[] = node.params
  const own = new Set<string>()
  for (const param of params) boundNames(param, own)
  const hoisted = hoistedNames(node.body)
  const collides = node.async
    ? [...own].some(name => hoisted.has(name))
    : !node.generator && declaresTwice(node.body, hoisted)
  const plain = params.every(isPlainParam) && !collides
  const weight = weightOf(node)
  const rests = params.flatMap(param => {
    const pattern = param.type === 'AssignmentPattern' ? (param.left as AnyNode) : param
    const taken = pattern.type === 'ObjectPattern' ? restOf(pattern) : undefined
    return taken ? [statement(`$vms.o(${taken.argument.name})`)] : []
  })
  rewriteChildren(node)
  const body = [...rests, ...bodyStatements(node)]
  node.expression = false
  if (node.generator) {
    if (node.async) for (const statement of body) wrapDelegates(statement)
    node.body = block([tick(weight), ...body])
    return node
  }
  if (node.async || !plain) {
    const isSetter = parent.kind === 'set'
    const inner = arrow(plain ? [] : node.params, body, node.async)
    const passed = isSetter ? name('$vmsA') : spread(name('$vmsA'))
    const run = call(inner, plain ? [] : [passed])
    if (!plain) node.params = [isSetter ? name('$vmsA') : rest(name('$vmsA'))]
    node.async = false
    node.body = guarded([{ type: 'ReturnStatement', argument: run } as AnyNode], weight)
  } else node.body = guarded(body, weight)
  return node
}

// What is written to by a name that may be that of an index; a number, a text or a truth is written without harm.
function guardTargets(node: AnyNode): void {
  for (const target of assignedNodes(node)) {
    const isHarmless = target === node.left && isPlain(node)
    if (target.type !== 'MemberExpression' || isHarmless || !mayBeIndex(target)) continue
    target.object = meterCall('b', target.object as AnyNode) as any
  }
}

function isPlain({ type, operator, right }: AnyNode): boolean {
  if (type !== 'AssignmentExpression') return type === 'UpdateExpression'
  if (!['=', '||=', '&&=', '??='].includes(operator)) return true
  if ('regex' in right) return false
  return isShort(right) || /^(TemplateLiteral|BinaryExpression)$/.test(right.type)
}

function mayBeIndex({ object, property, computed }: AnyNode): boolean {
  if (object.type === 'Super' || property.type === 'PrivateIdentifier') return false
  if (computed && property.type !== 'Literal') return true
  const key = String(computed ? property.value : property.name)
  return String(Number(key)) === key || key === '-0'
}

function isPrototype(
  { key, computed, kind, method, shorthand }: AnyNode,
  parent: AnyNode
): boolean {
  if (parent.type !== 'ObjectExpression') return false
  if (computed || method || shorthand || kind !== 'init') return false
  return key.name === '__proto__' || key.value === '__proto__'
}

// A body may declare a function twice, or beside a var of its name; the block that a plain body is put into may not.
function declaresTwice(body: AnyNode, hoisted: Set<string>): boolean {
  const names = body.type === 'BlockStatement' ? functionNames(body.body) : []
  return new Set(names).size < names.length || names.some(name => hoisted.has(name))
}

function functionNames(statements: AnyNode[]): string[] {
  return statements.flatMap(({ type, id }) => (type === 'FunctionDeclaration' ? [id.name] : []))
}

// What an async generator delegates to may be a list that is not async.
function wrapDelegates(node: AnyNode): void {
  if (isFunction(node)) return
  if (node.type === 'YieldExpression' && node.delegate) {
    node.argument = meterCall('i', node.argument as AnyNode) as any
  }
  for (const child of children(node)) wrapDelegates(child)
}

function bodyStatements(node: AnyNode): AnyNode[] {
  if (node.body.type === 'BlockStatement') {
    return node.body.body
  }
  return [{ type: 'ReturnStatement', argument: node.body } as AnyNode]
}

// Not a directive, nor what the printer would make one of by leaving its parentheses out.
function isNoBareText(statement: AnyNode): boolean {
  return statement.type !== 'ExpressionStatement' || statement.expression.type !== 'Literal'
}

function rewriteCatch(node: AnyNode): AnyNode {
  const body = node.body as AnyNode
  if (node.param?.type === 'Identifier') {
    body.body.unshift(statement(`${node.param.name} = $vms.c(${node.param.name})`))
  } else if (node.param) {
    const id = node.param
    const init = name('$vms.c($vmsE)')
    const declarations = [{ type: 'VariableDeclarator', id, init }]
    // The body stays a block of its own: its names are not those that a default in the pattern means.
    body.body = [{ type: 'VariableDeclaration', kind: 'let', declarations }, block(body.body)]
    node.param = name('$vmsE') as any
  } else {
    body.body.unshift(statement('$vms.c($vmsE)'))
    node.param = name('$vmsE') as any
  }
  return node
}

// A finally may replace what is thrown, so whatever passes it is looked at first, and an abort throws again inside it.
function rewriteTry(node: AnyNode): AnyNode {
  if (!node.finalizer) return node
  const inner = node.handler
    ? [{ type: 'TryStatement', block: node.block, handler: node.handler, finalizer: null }]
    : (node.block as AnyNode).body
  node.block = block(inner) as any
  node.handler = catching('c') as any
  ;(node.finalizer as AnyNode).body.unshift(statement('$vms.f()'))
  return node
}

// A chain of classes with implicit constructors would recurse in the engine, where nothing counts.
function rewriteClass(node: AnyNode, parent: AnyNode): AnyNode {
  weighFields(node)
  const explicit = node.body.some((member: AnyNode) => member.kind === 'constructor')
  if (!parent.superClass || explicit) return node
  const value = {
    type: 'FunctionExpression',
    params: [rest(name('$vmsA'))],
    body: guarded([statement('super(...$vmsA)')])
  }
  node.body.unshift({
    type: 'MethodDefinition',
    kind: 'constructor',
    static: false,
    computed: false,
    key: name('constructor'),
    value
  } as any)
  return node
}

// What fields begin with is made in one go for each object.
function weighFields(node: AnyNode): void {
  const isPlain = ({ type, static: isStatic, value }: AnyNode) =>
    type === 'PropertyDefinition' && !isStatic && (!value || value.type === 'Literal')
  const plain: AnyNode[] = node.body.filter(isPlain)
  const weight = Math.floor(plain.length / FIELDS_A_GAS)
  if (weight === 0) return
  const argument = plain[0]!.value ?? name('void 0')
  const inner = arrow([], [], false)
  inner.body = guarded([{ type: 'ReturnStatement', argument } as AnyNode], weight) as any
  plain[0]!.value = call(inner, []) as any
}

// Field initialisers run outside any body.
function rewriteField(node: AnyNode): AnyNode {
  const value = node.value as AnyNode | null
  if (!value || value.type === 'Literal' || isFunction(value)) return node
  const result = { type: 'ReturnStatement', argument: value } as AnyNode
  const inner = arrow([], [], false)
  inner.body = guarded([result]) as any
  node.value = call(inner, []) as any
  return node
}

// Joining texts is put off by the engine until one is looked at, and comparing walks both: neither is a function that could be
// wrapped. What cannot be a long text is left alone.
function rewriteBinary(node: AnyNode): AnyNode {
  const { operator, left, right } = node as any
  if (operator === '+') {
    return isNumber(left) && isNumber(right) ? node : meterCall('j', node)
  }
  if (!(operator in COMPARISONS) || isShort(left) || isShort(right)) return node
  return call(name(`$vms.${COMPARISONS[operator]}`), [left, right])
}

function rewriteSwitch(node: AnyNode): AnyNode {
  const tests = node.cases.filter(({ test }: AnyNode) => test && !isShort(test))
  const count = { type: 'Literal', value: tests.length, raw: String(tests.length) }
  if (tests.length > 0) {
    node.discriminant = call(name('$vms.w'), [node.discriminant, count as any]) as any
  }
  return node
}

function isNumber(node: AnyNode): boolean {
  if (node.type === 'Literal') return typeof node.value === 'number'
  if (node.type === 'UpdateExpression') return true
  if (node.type === 'BinaryExpression') {
    return ['-', '*', '/', '%', '|', '&', '^', '<<', '>>', '>>>'].includes(node.operator)
  }
  return node.type === 'UnaryExpression' && ['-', '+', '~'].includes(node.operator)
}

function isShort(node: AnyNode): boolean {
  if (isNumber(node)) return true
  if (node.type === 'Literal') return !(String(node.value).length > JOINED_CHARS_FREE)
  if (node.type === 'Identifier') return node.name === 'undefined'
  return node.type === 'UnaryExpression'
}

function rewriteRegExp({ regex }: AnyNode): AnyNode {
  return call(name('$vms.l'), [name(quoted(regex.pattern)), name(quoted(regex.flags))])
}

// What a rest element takes is walked by the engine.
function walked(pattern: AnyNode, source: AnyNode): AnyNode {
  if (!restOf(pattern)) return source
  return meterCall(pattern.type === 'ArrayPattern' ? 's' : 'o', source)
}

function restOf(pattern: AnyNode): AnyNode | undefined {
  const parts: (AnyNode | null)[] = pattern.properties ?? pattern.elements ?? []
  return parts.find(part => part?.type === 'RestElement') ?? undefined
}

function spreadKind(parent: AnyNode): string {
  if (parent.type === 'ObjectExpression') return 'o'
  return parent.type === 'ArrayExpression' ? 's' : 'a'
}

function isPlainParam(param: AnyNode): boolean {
  return (
    param.type === 'Identifier' ||
    (param.type === 'RestElement' && (param.argument as AnyNode).type === 'Identifier')
  )
}

function rewriteAssignment(node: AnyNode): AnyNode {
  const { operator, left } = node as any
  if (operator === '=') node.right = walked(left, node.right) as any
  if (isLengthOf(left)) {
    const list = left.object.type === 'Identifier' ? [left.object] : []
    const lengthen = (given: AnyNode) => call(name('$vms.n'), [given, ...list])
    if (operator !== '=') return lengthen(node)
    node.right = lengthen(node.right as AnyNode) as any
  }
  return operator === '+=' ? meterCall('j', node) : node
}

function isLengthOf({ type, property, computed }: any): boolean {
  if (type !== 'MemberExpression') return false
  return computed ? property.value === 'length' : property.name === 'length'
}

// A constructor of ours would stand in the way of every method that makes a list.
function rewriteListOfSize(node: AnyNode): AnyNode {
  const { callee, arguments: given } = node as any
  if (callee.name !== 'Array' || given.length !== 1 || given[0].type === 'SpreadElement')
    return node
  given[0] = meterCall('n', given[0])
  return node
}

function isLoop({ type }: AnyNode): boolean {
  return /^(For|ForIn|ForOf|While|DoWhile)Statement$/.test(type)
}

/** What entering a function or a round of a loop costs. What has a count of its own inside does not weigh on it. */
function weightOf(node: AnyNode): number {
  let nodes = 0
  const waiting = children(node)
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    nodes++
    if (isFunction(next) || isLoop(next)) continue
    for (const child of children(next)) waiting.push(child)
  }
  return 1 + Math.floor(nodes / NODES_A_GAS)
}

function spend(gas: number): string {
  return gas === 1 ? '--$vms.g < 0 && $vms.out()' : `($vms.g -= ${gas}) < 0 && $vms.out()`
}

function tick(gas: number): AnyNode {
  return statement(spend(gas))
}

function guarded(body: AnyNode[], gas = 1): AnyNode {
  const handler = catching('x')
  return block([
    statement(`${spend(gas)}, ++$vms.d > ${DEPTH_MAX} && $vms.deep()`),
    { type: 'TryStatement', block: block(body), handler, finalizer: block([LEAVE]) } as any
  ])
}

function catching(method: string): AnyNode {
  const body = block([statement(`throw $vms.${method}($vmsE)`)])
  return { type: 'CatchClause', param: name('$vmsE'), body } as AnyNode
}

function name(text: string): AnyNode {
  return { type: 'Identifier', name: text } as AnyNode
}

function statement(text: string): AnyNode {
  return { type: 'ExpressionStatement', expression: name(text) } as AnyNode
}

function block(body: unknown[]): AnyNode {
  return { type: 'BlockStatement', body } as AnyNode
}

function arrow(params: AnyNode[], body: AnyNode[], async: boolean): AnyNode {
  return { type: 'ArrowFunctionExpression', params, body: block(body), async } as AnyNode
}

function call(callee: AnyNode, args: AnyNode[]): AnyNode {
  return { type: 'CallExpression', callee, arguments: args, optional: false } as AnyNode
}

function meterCall(method: string, argument: AnyNode): AnyNode {
  return call(name(`$vms.${method}`), [argument])
}

function spread(argument: AnyNode): AnyNode {
  return { type: 'SpreadElement', argument } as AnyNode
}

function rest(argument: AnyNode): AnyNode {
  return { type: 'RestElement', argument } as AnyNode
}

function quoted(text: string): string {
  return JSON.stringify(text)
    .replace(/[\u007f-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('<!--', '\\x3c!--')
    .replaceAll('-->', '--\\x3e')
    .replaceAll('import', '\\x69mport')
    .replaceAll('eval', 'e\\x76al')
}

function numeral(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '1e999' : String(value)
}
