// Every limit of gossip in one table (PROTOCOL §12). They are for one ledger, and where they say so for one of its peers.

export const GOSSIP_LIMITS = {
  /** Peers met or remembered. Beyond it the longest gone are forgotten; the connected never. */
  peersMax: 256,
  /** Messages that a peer may send, parts that we asked for not counted: at once, and in the long run. */
  messagesBurst: 200,
  messagesPerSecond: 20,
  /** So many strikes within `strikeMs`, and a peer is barred for `barMs`. */
  strikesMax: 8,
  strikeMs: 600_000,
  barMs: 600_000,
  barredMax: 1_024,
  /** Of a peer: heads beyond our log, and what it sent on this connection, to know it again. */
  keptHeadsMax: 32,
  recentMax: 32,
  /** Signatures of the host that need no second check. */
  verifiedMax: 128,
  /** Timed heads, the newest, against which another is held. */
  statedMax: 64,
  /** Accusations of one kind while none of them led to evidence. */
  accusationsMax: 64,
  /** Between two observations, and between two timed heads, that we send to a peer. */
  observationMsMin: 200,
  timedHeadMsMin: 1_000,
  /** Lengths told by timed heads that our log has yet to reach. */
  unreachedMax: 16,
  /** Evidence that is on its way to us: bytes of all files together. */
  fetchBytesMax: 16_777_216,
  /** Files of one kind at a time, and one more for each that failed: idlers cannot keep us waiting in turns. */
  fetchesPerKind: 3,
  /** A file that falls behind this rate after so long is given up; so long its parts are still let pass. */
  fetchBytesPerSecondMin: 65_536,
  fetchMsMax: 10_000,
  ignoreMsMax: 60_000,
  /** Files that turned out to prove nothing, or that we could not check. */
  uselessMax: 256,
  /** Evidence that we give: peers at a time, parts to one of them at a time and between them; one file to a peer. */
  servedPeersMax: 8,
  servedParts: 4,
  servedMs: 200,
  servedTimesMax: 3
} as const
