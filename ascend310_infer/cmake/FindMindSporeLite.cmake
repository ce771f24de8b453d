# Finds MindSpore Lite in MS_LITE_HOME (variable or environment), in either of its layouts:
#
#   official archive   runtime/{include,lib} with libmindspore-lite.so, runtime/third_party/glog
#   PyPI kit           [mindspore_lite/]{include,lib} with libmindspore-extendrt_python.so
#
# Targets: MindSporeLite::runtime; MindSporeLite::dataset where there is libminddata-lite.so; MindSporeLite::converter
# with the PyPI kit, whose converter is a library only.

if(NOT MS_LITE_HOME)
  set(MS_LITE_HOME "$ENV{MS_LITE_HOME}" CACHE PATH "Folder of MindSpore Lite" FORCE)
endif()
set(_home "${MS_LITE_HOME}")
if(EXISTS "${_home}/mindspore_lite/include/api/model.h")
  set(_home "${_home}/mindspore_lite")
elseif(EXISTS "${_home}/runtime/include/api/model.h")
  set(_home "${_home}/runtime")
endif()

set(_kind "")
if(EXISTS "${_home}/include/api/model.h")
  if(EXISTS "${_home}/lib/libmindspore-lite.so")
    set(_kind archive)
  elseif(EXISTS "${_home}/lib/libmindspore-extendrt_python.so")
    set(_kind kit)
  endif()
endif()
if(NOT _kind)
  message(FATAL_ERROR "MS_LITE_HOME is '${MS_LITE_HOME}', where no MindSpore Lite is found: set it to the folder of the "
                      "official archive, or of the kit that scripts/setup_mindspore_lite.sh downloads")
endif()

function(_lite_target name)
  add_library(MindSporeLite::${name} INTERFACE IMPORTED)
  target_include_directories(MindSporeLite::${name} SYSTEM INTERFACE "${_home}" "${_home}/include")
  target_link_libraries(MindSporeLite::${name} INTERFACE ${ARGN})
  # Parts of Lite for other devices refer to libraries that are not on every machine.
  target_link_options(MindSporeLite::${name} INTERFACE -Wl,--allow-shlib-undefined -Wl,--disable-new-dtags
                      "-Wl,-rpath,${_home}/lib" "-Wl,-rpath,${_home}/third_party/glog")
endfunction()

if(_kind STREQUAL archive)
  set(_libraries "${_home}/lib/libmindspore-lite.so")
  foreach(_optional lib/libmindspore_core.so third_party/glog/libmindspore_glog.so.0)
    if(EXISTS "${_home}/${_optional}")
      list(APPEND _libraries "${_home}/${_optional}")
    endif()
  endforeach()
  _lite_target(runtime ${_libraries})
  if(EXISTS "${_home}/lib/libminddata-lite.so")
    _lite_target(dataset "${_home}/lib/libminddata-lite.so")
  endif()
else()
  set(_common "${_home}/lib/libmindspore_core.so" "${_home}/lib/libmindspore_glog.so.0")
  _lite_target(runtime "${_home}/lib/libmindspore-extendrt_python.so" ${_common})
  _lite_target(converter "${_home}/lib/libmindspore_converter.so" ${_common})
endif()
message(STATUS "MindSpore Lite (${_kind}): ${_home}")
set(MindSporeLite_FOUND TRUE)
