// Why a case fails: by design, with the rule it falls under, or not at all.

export interface Failed {
  path: string
  source: string
  why: string
  plain: string | null
  bare: string | null
}

export function explain({ plain, bare }: Failed): string {
  if (plain !== null) return 'fails in the engine too, or as the body of a function'
  return bare === null ? 'REWRITE' : 'NATIVES'
}
