// The syntax tree of a contract, as the compiler walks it: children, and the names that nodes bind.

import type { Node, Program } from 'estree'

export type { Program }
export type AnyNode = Node & Record<string, any>

/** The nodes directly under `node`, in the order of the source. */
export function children(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = []
  for (const key of Object.keys(node)) {
    if (key === 'loc') continue
    const value = node[key]
    // One by one: a list may be longer than arguments can be.
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) found.push(item)
    } else if (isNode(value)) found.push(value)
  }
  return found
}

/** Names that `var` and function declarations bind in the function around `node`. */
export function hoistedNames(node: AnyNode, into: Set<string> = new Set()): Set<string> {
  if (node.type === 'VariableDeclaration' && node.kind === 'var') {
    for (const declarator of node.declarations) boundNames(declarator.id as AnyNode, into)
  }
  for (const child of children(node)) {
    if (!isFunction(child) && !child.type.startsWith('Class')) hoistedNames(child, into)
  }
  return into
}

/** The names that a binding pattern binds. */
export function boundNames(pattern: AnyNode, into: Set<string> = new Set()): Set<string> {
  for (const target of patternTargets(pattern))
    if (target.type === 'Identifier') into.add(target.name)
  return into
}

export function isFunction(node: AnyNode): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)
}

/** What a pattern, or a plain target, assigns to. */
export function patternTargets(pattern: AnyNode): AnyNode[] {
  switch (pattern.type) {
    case 'ObjectPattern':
      return pattern.properties.flatMap((p: AnyNode) => patternTargets(p.value ?? p.argument))
    case 'ArrayPattern':
      return pattern.elements.flatMap((e: AnyNode | null) => (e ? patternTargets(e) : []))
    case 'AssignmentPattern':
      return patternTargets(pattern.left as AnyNode)
    case 'RestElement':
      return patternTargets(pattern.argument as AnyNode)
    default:
      return [pattern]
  }
}

/** Every node that some syntax assigns to, declarations aside. */
export function assignedNodes(node: AnyNode): AnyNode[] {
  if (node.type === 'AssignmentExpression') return patternTargets(node.left)
  if (node.type === 'UpdateExpression') return [node.argument]
  const loops = node.type === 'ForInStatement' || node.type === 'ForOfStatement'
  return loops && node.left.type !== 'VariableDeclaration' ? patternTargets(node.left) : []
}

/** As `children`, each with the key it stands under. */
export function* keyedChildren(node: AnyNode): Generator<[string, AnyNode]> {
  for (const key of Object.keys(node)) {
    if (key === 'loc') continue
    const value = node[key]
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield [key, child]
    }
  }
}

export function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}
