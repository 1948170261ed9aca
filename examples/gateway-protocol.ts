/** Commands between the game gateway and its players. */
export const COMMAND = {
  /** From players: a name, a room, a text. */
  login: 1,
  join: 2,
  say: 3,
  /** To players: who entered, who left, a text. */
  joined: 11,
  left: 12,
  said: 13,
  /** In both directions. */
  ping: 100,
  pong: 101,
} as const;
