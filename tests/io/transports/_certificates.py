"""Authorities and the certificates they sign, made anew for each run: nothing of them is kept."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = ("127.0.0.1", "localhost")
ELSEWHERE = ("elsewhere.test",)
_DAY = dt.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True)
class Certificate:
    """Where the files are: the certificate, its key, both in one, and the key again, with a password."""

    certificate: Path
    key: Path
    both: Path
    locked: Path
    password: str = "pass" + "-word"


class Authority:
    """Signs certificates; ``file`` is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._subject = folder, _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = (
            self._builder(self._subject, self._key.public_key(), days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS, critical=True)
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key
        return (
            x509.CertificateBuilder(issuer_name=self._subject, subject_name=subject, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * _DAY)
            .not_valid_after(now + days * _DAY)
            .add_extension(identifier(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def signs(self, name: str, hosts: tuple[str, ...] = HERE, *, days: int = 30) -> Certificate:
        """A certificate for these hosts, or of a client by this name; good for so many days from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            self._builder(_name(name), key.public_key(), days)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        files = [self._folder / f"{name}.{end}" for end in ("crt", "key", "pem", "locked")]
        made_files = Certificate(*files)
        signed, plain = _pem(made.sign(self._key, hashes.SHA256())), _pem_of(key)
        locked = _pem_of(key, made_files.password)
        for file, text in zip(files, (signed, plain, plain + signed, locked), strict=True):
            file.write_bytes(text)
        return made_files


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def _pem_of(key: ec.EllipticCurvePrivateKey, password: str | None = None) -> bytes:
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        locked = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


class Certificates:
    """What the tests of TLS need: an authority, what it has signed, and another authority with a client of its own."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.others = Authority(folder, "ours"), Authority(folder, "others")
        self.good = self.ours.signs("good")
        self.elsewhere = self.ours.signs("elsewhere", ELSEWHERE)
        self.expired = self.ours.signs("expired", days=-1)
        self.client = self.ours.signs("client", ELSEWHERE)
        self.stranger = self.others.signs("stranger", ELSEWHERE)

    @property
    def authority(self) -> str:
        """The file of the authority that signed the servers' certificates."""
        return str(self.ours.file)

    def server(
        self,
        shown: Certificate | None = None,
        *,
        asks: bool = False,
        protocols: tuple[str, ...] = ("http/1.1",),
        most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """A server's context; one that ``asks`` wants a certificate of our authority from its clients."""
        shown = shown or self.good
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certificate, shown.key)
        context.set_alpn_protocols(list(protocols))
        context.maximum_version = most
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context
