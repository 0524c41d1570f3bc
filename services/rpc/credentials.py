"""TLS in which both ends prove who they are."""

import grpc

from services.transport import Identity


def of_client(identity: Identity) -> grpc.ChannelCredentials:
    """The server must prove the name by which it is called."""
    return grpc.ssl_channel_credentials(
        identity.ca.read_bytes(), identity.key.read_bytes(), identity.certificate.read_bytes()
    )


def of_server(identity: Identity) -> grpc.ServerCredentials:
    """No client without a certificate of our CA gets past the handshake."""
    pair = (identity.key.read_bytes(), identity.certificate.read_bytes())
    return grpc.ssl_server_credentials([pair], root_certificates=identity.ca.read_bytes(), require_client_auth=True)
