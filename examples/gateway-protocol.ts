/** Commands between the game gateway and its players. */
export const COMMAND = {
  /** From players: a name, a room, words. */
  login: 1,
  join: 2,
  say: 3,
  /** To players: who came, who left, what was said. */
  joined: 11,
  left: 12,
  said: 13,
  /** Both ways. */
  ping: 100,
  pong: 101,
} as const;
