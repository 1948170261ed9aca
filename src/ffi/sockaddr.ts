/** Offsets of socket addresses, which have the same layout on Linux and Windows. Sizes and offsets are in bytes. */

/**
 * `struct sockaddr_in { sa_family_t sin_family; in_port_t sin_port; struct in_addr sin_addr; uint8_t sin_zero[8]; }`
 */
export const sockaddr_in = { sin_family: 0, sin_port: 2, sin_addr: 4, sin_zero: 8, size: 16 } as const;

/**
 * `struct sockaddr_in6 { sa_family_t sin6_family; in_port_t sin6_port; uint32_t sin6_flowinfo;
 * struct in6_addr sin6_addr; uint32_t sin6_scope_id; }`
 */
export const sockaddr_in6 = {
  sin6_family: 0,
  sin6_port: 2,
  sin6_flowinfo: 4,
  sin6_addr: 8,
  sin6_scope_id: 24,
  size: 28,
} as const;

/** `struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }` */
export const sockaddr_un = { sun_family: 0, sun_path: 2, size: 110 } as const;
