/** The requests of one connection, one in flight at a time, and the check of their answers. */
export interface Exchange {
  /** The bytes of the next request. */
  request(): Buffer;
  /**
   * Takes received bytes, which must be those of the answer.
   * @returns whether the answer is complete
   * @throws Error if they are not
   */
  take(data: Buffer): boolean;
}
