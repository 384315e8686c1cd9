// Zeroed, cache-line aligned floats with slack behind them: kernels may read up to one vector past the last value.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace skipvid {

class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(size_t floats)
        : data_(static_cast<float*>(::operator new((floats + kSlack) * sizeof(float), std::align_val_t{64}))),
          size_(floats) {
        std::memset(data_, 0, (floats + kSlack) * sizeof(float));
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() {
        if (data_ != nullptr) ::operator delete(data_, std::align_val_t{64});
    }
    float* data() { return data_; }
    const float* data() const { return data_; }
    float& operator[](size_t i) { return data_[i]; }
    float operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }
    void zero() {
        if (data_ != nullptr) std::memset(data_, 0, size_ * sizeof(float));
    }

  private:
    static constexpr size_t kSlack = 64;
    float* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace skipvid
