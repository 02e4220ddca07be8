#!/bin/sh
# llama_build.sh FOLDER: llama.cpp's library, built for this very processor from the source package of
# llama-cpp-python, and llama_decode beside it. Needs pip, CMake, Ninja and a C++ compiler.
set -eu
version=0.3.36
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?a folder to build in}
mkdir -p "$folder"
cd "$folder"
if [ ! -d "llama_cpp_python-$version" ]; then
  # The package's build backend is asked for its name before it is downloaded.
  python3 -m pip install --quiet scikit-build-core
  python3 -m pip download --no-binary :all: --no-deps --no-build-isolation "llama-cpp-python==$version"
  tar xzf "llama_cpp_python-$version.tar.gz"
fi
ln -sfn "llama_cpp_python-$version/vendor/llama.cpp" source
tiles=source/ggml/src/ggml-cpu/amx/mmq.cpp
grep -q llama_tiles.h $tiles || sed -i "/^inline void ggml_tile_config_init/i #include \"$here/llama_tiles.h\"" $tiles
cmake -S source -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
  -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_COMMON=OFF
cmake --build build -j "${JOBS:-2}" --target llama
c++ -std=c++17 -O2 -o llama_decode "$here/llama_decode.cpp" -Isource/include -Isource/ggml/include \
  build/src/libllama.a build/ggml/src/libggml.a build/ggml/src/libggml-cpu.a \
  build/ggml/src/libggml-base.a -fopenmp -lpthread -ldl
