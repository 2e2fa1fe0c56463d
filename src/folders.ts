// The one door to env-paths: where this user's data of each program lives on this platform.

import envPaths from 'env-paths'

/** The data folder of a program, absolute. Not made here. */
export function dataFolder(program: string): string {
  return envPaths(program, { suffix: '' }).data
}
