// Zeroed, aligned floats with slack behind them: kernels may read up to one vector past the last value.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace skipvid {

// Memory that buffers are cut from, one after the other. What a buffer leaves is the system's again at once, addresses
// with the last of them.
class Pages;

class Buffer {
  public:
    Buffer() = default;
    // Throws std::bad_alloc.
    explicit Buffer(size_t floats);
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer();
    float* data() { return data_; }
    const float* data() const { return data_; }
    float& operator[](size_t i) { return data_[i]; }
    float operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }

  private:
    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(pages_, other.pages_);
    }

    float* data_ = nullptr;
    size_t size_ = 0;
    std::shared_ptr<Pages> pages_;  // null: memory of its own
};

}  // namespace skipvid
