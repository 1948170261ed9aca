/** Certificates in the old form of `node:tls`: plain objects, each with the one of its issuer. */

import type { X509Certificate } from 'node:crypto';
import type { TlsSession } from '../../tls/session.js';
import { peerChainOf, trustedIssuerOf } from '../../tls/session-details.js';
import { peerCertificateOf } from '../../tls/session-info.js';

export interface PlainCertificate {
  issuerCertificate?: PlainCertificate;
  infoAccess?: unknown;
}

const INFO_LINE = /([^\n:]*):([^\n]*)(?:\n|$)/g;

/** Lines such as `OCSP - URI:http://…`, by what is before the colon. */
function infoAccessOf(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = Object.create(null);
  for (const [, key = '', value = ''] of text.matchAll(INFO_LINE)) {
    // Text with special characters is in the form of JSON.
    const plain = value.startsWith('"') ? (JSON.parse(value) as string) : value;
    found[key] ??= [];
    found[key].push(plain);
  }
  return found;
}

export function plainCertificate(certificate: X509Certificate): PlainCertificate {
  const plain = certificate.toLegacyObject() as PlainCertificate;
  if (typeof plain.infoAccess === 'string') {
    plain.infoAccess = infoAccessOf(plain.infoAccess);
  }
  return plain;
}

/**
 * A certificate with those of its issuers: the peer has sent them, or we trust them. A root is its own issuer. Two
 * authorities may have signed each other, so a certificate occurs once.
 * @param trusted finds the issuer of a certificate among those that are trusted
 */
function chainedCertificate(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  trusted: (certificate: X509Certificate) => X509Certificate | undefined,
): PlainCertificate {
  const first = plainCertificate(leaf);
  const left = new Set(others);
  const seen = new Set([leaf.fingerprint256]);
  let current = leaf;
  let plain = first;
  for (;;) {
    if (current.checkIssued(current)) {
      plain.issuerCertificate = plain;
      return first;
    }
    const issuer = [...left].find((other) => current.checkIssued(other) && !seen.has(other.fingerprint256));
    const next: X509Certificate | undefined = issuer ?? trusted(current);
    if (next === undefined || seen.has(next.fingerprint256)) {
      return first;
    }
    left.delete(next);
    seen.add(next.fingerprint256);
    plain.issuerCertificate = plainCertificate(next);
    plain = plain.issuerCertificate;
    current = next;
  }
}

/** The peer's certificate in the old form, with those of its issuers; empty without one. */
export function peerCertificateWithIssuers(session: TlsSession): PlainCertificate {
  const certificate = peerCertificateOf(session);
  return certificate === undefined
    ? {}
    : chainedCertificate(certificate, peerChainOf(session), (each) => trustedIssuerOf(session, each));
}

/** The peer's certificate, whose issuers are those that it has sent. */
export function peerX509Of(session: TlsSession): X509Certificate | undefined {
  const certificate = peerCertificateOf(session);
  const others = certificate === undefined ? [] : peerChainOf(session);
  let current = certificate;
  while (current !== undefined) {
    const below: X509Certificate = current;
    const issuer = others.find((other) => other.fingerprint256 !== below.fingerprint256 && below.checkIssued(other));
    if (issuer !== undefined) {
      others.splice(others.indexOf(issuer), 1);
      Object.defineProperty(below, 'issuerCertificate', { value: issuer, configurable: true });
    }
    current = issuer;
  }
  return certificate;
}
