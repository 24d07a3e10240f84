"""Certificates of every kind, good and bad, made when the test runs."""

import datetime
import ipaddress
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority: one of its own, or the store's, by the files that only its owner can read."""

    def __init__(self, store_folder=None):
        if store_folder:
            self.key = serialization.load_pem_private_key((store_folder / "ca.key").read_bytes(), None)
            self.certificate = x509.load_pem_x509_certificate((store_folder / "ca.pem").read_bytes())
            return
        self.key = new_key()
        self.certificate = (
            x509.CertificateBuilder().subject_name(name("Pannier")).issuer_name(name("Pannier"))
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(now() + 100 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256()))

    def issue(self, folder, device, key=None, begin=-DAY, end=10 * DAY,
              usage=ExtendedKeyUsageOID.CLIENT_AUTH):
        """A device's certificate: the paths of certificate and key in PEM."""
        key = key or new_key()
        names = [x509.UniformResourceIdentifier(f"urn:pannier:device:{device}")] if device else []
        builder = (
            x509.CertificateBuilder().subject_name(name("device")).issuer_name(self.certificate.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() + begin).not_valid_after(now() + end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return save(folder, builder.sign(self.key, hashes.SHA256()), key)

    def server(self, folder, key):
        """A certificate for a server on 127.0.0.1 and localhost."""
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return save(folder, (
            x509.CertificateBuilder().subject_name(name("server")).issuer_name(self.certificate.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY).not_valid_after(now() + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())), key)


def save(folder, certificate, key):
    stem = folder / uuid.uuid4().hex
    paths = stem.with_suffix(".pem"), stem.with_suffix(".key")
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                           serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return paths


def request(key, subject="device"):
    """A PKCS#10 request in DER."""
    return (x509.CertificateSigningRequestBuilder().subject_name(name(subject))
            .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))


def certificates_of(pkcs7_der):
    from cryptography.hazmat.primitives.serialization import pkcs7
    return pkcs7.load_der_pkcs7_certificates(pkcs7_der)
