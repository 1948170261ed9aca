// A server on Asio as its examples show it: async_read_some, async_write, a session that keeps itself alive.

#define ASIO_STANDALONE
#include <array>
#include <asio.hpp>
#include <memory>

extern "C" {
#include "common.h"
}

using asio::ip::tcp;

namespace {

role what;
std::array<uint8_t, BLOCK_BYTES> block;

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void start() {
    socket_.set_option(tcp::no_delay(true));
    if (what == AS_SOURCE) {
      send_block();
    } else {
      receive();
    }
  }

private:
  void receive() {
    auto self = shared_from_this();
    socket_.async_read_some(asio::buffer(buffer_), [this, self](asio::error_code error, size_t length) {
      if (!error) {
        received(length);
      }
    });
  }

  void received(size_t length) {
    if (what == AS_ECHO) {
      send(buffer_.data(), length);
      return;
    }
    const uint8_t *answer = sink_answer(&taken_, buffer_.data(), length);
    if (answer != nullptr) {
      send(answer, 1);
    } else {
      receive();
    }
  }

  void send(const uint8_t *bytes, size_t length) {
    auto self = shared_from_this();
    asio::async_write(socket_, asio::buffer(bytes, length), [this, self](asio::error_code error, size_t) {
      if (!error) {
        receive();
      }
    });
  }

  void send_block() {
    auto self = shared_from_this();
    asio::async_write(socket_, asio::buffer(block), [this, self](asio::error_code error, size_t) {
      if (!error) {
        send_block();
      }
    });
  }

  tcp::socket socket_;
  uint64_t taken_ = 0;
  std::array<uint8_t, BUFFER_BYTES> buffer_;
};

void accept(tcp::acceptor &acceptor) {
  acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
    if (!error) {
      std::make_shared<session>(std::move(socket))->start();
    }
    accept(acceptor);
  });
}

} // namespace

int main(int argc, char **argv) {
  what = role_of(argc, argv);
  fill_block(block.data());
  // One thread runs it, and Asio may know.
  asio::io_context context(1);
  tcp::acceptor acceptor(context);
  acceptor.open(tcp::v4());
  acceptor.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  acceptor.listen(BACKLOG);
  accept(acceptor);
  say_port(acceptor.local_endpoint().port());
  context.run();
}
