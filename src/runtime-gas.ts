// Figures of RUNTIME §5 that both sides read: the rewriter, which writes them into a contract, and the meter of the child.

/** Calls nested deeper abort the call. */
export const DEPTH_MAX = 128
/** Joining and comparing texts up to so many characters costs no more than what is counted anyway. */
export const JOINED_CHARS_FREE = 4095
